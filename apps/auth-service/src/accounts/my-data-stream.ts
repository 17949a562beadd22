import { Readable } from 'node:stream'
import { toEventView } from '../security-log/security-event.ts'
import { toOpenSessionView } from '../sessions/session.ts'
import type { MyData } from './read-my-data.ts'
import { toUserView } from './user.ts'

/** How long an export may take, in milliseconds: a client that reads no faster than a byte a minute must not hold a cursor. */
const MAX_DURATION = 120_000

/** About how many characters are sent at once. */
const CHUNK_LENGTH = 16_384

/**
 * Writes exported data as JSON while it is read from the database. The stream reads no further than its reader does, and closes
 * the cursor when it is destroyed: after two minutes, or because the client has gone. The JSON then has no end.
 */
export const toJsonStream = (data: MyData, exportedAt: Date): Readable =>
  Readable.from(inChunks(writeJson(data, exportedAt)), { objectMode: false, signal: AbortSignal.timeout(MAX_DURATION) })

async function* writeJson({ user, sessions, securityLog }: MyData, exportedAt: Date): AsyncGenerator<string> {
  yield `{"exportedAt":${JSON.stringify(exportedAt)},"user":${JSON.stringify(toUserView(user))},"sessions":[`
  yield* writeList(sessions, toOpenSessionView)
  yield '],"securityLog":['
  yield* writeList(securityLog, toEventView)
  yield ']}'
}

async function* writeList<T>(items: AsyncIterable<T>, toView: (item: T) => unknown): AsyncGenerator<string> {
  let separator = ''
  for await (const item of items) {
    yield separator + JSON.stringify(toView(item))
    separator = ','
  }
}

async function* inChunks(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let chunk = ''
  for await (const text of texts) {
    chunk += text
    if (chunk.length < CHUNK_LENGTH) continue
    yield chunk
    chunk = ''
  }
  yield chunk
}
