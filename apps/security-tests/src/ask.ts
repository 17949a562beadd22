import { Client, credentials, Metadata, status as grpcStatus } from '@grpc/grpc-js'
import { isCode, refusals, type Code } from '@halles/service/refusal'

/** What came back: `outcome` is `ok`, a code of the contract, or what else it was in a few words. */
export type Answer = { outcome: string; status: number; text: string; headers: Headers }

/** How long an answer may take, in milliseconds. */
const WITHIN = 30_000

export type Request = { method?: string; path: string; body?: unknown; headers?: Record<string, string> }

/** Asks a REST route of the service, or of the gateway below /api, at `base`. */
export async function askRest(base: string, { method = 'GET', path, body, headers = {} }: Request): Promise<Answer> {
  const answer = await fetch(`${base}${path}`, {
    method,
    redirect: 'manual',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(WITHIN),
  })
  const text = await answer.text()
  return { outcome: outcomeOf(answer.status, text), status: answer.status, text, headers: answer.headers }
}

/** Asks a GraphQL operation; `ok` is one without errors. */
export async function askGraphql(
  base: string,
  { query, variables, headers = {} }: { query: string; variables?: object; headers?: Record<string, string> },
): Promise<Answer> {
  return askRest(base, { method: 'POST', path: '/graphql', body: { query, variables }, headers })
}

function outcomeOf(status: number, text: string): string {
  const body = parsed(text)
  const code = body?.code ?? body?.errors?.[0]?.extensions?.code
  if (isCode(code)) return code
  if (body?.errors?.length) return 'an error without a code'
  return status < 400 ? 'ok' : `HTTP ${status}`
}

/** What an answer says, when it is JSON. */
export function parsed(text: string): any {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Calls a gRPC method with a message as bytes: so that what no client would send can be sent.
 *
 * @param name `package.Service/Method`
 */
export function askGrpc(
  address: string,
  name: string,
  message: Uint8Array,
  { metadata = {}, stream = false }: { metadata?: Record<string, string>; stream?: boolean } = {},
): Promise<{ outcome: string; details: string }> {
  const client = new Client(address, credentials.createInsecure())
  const given = new Metadata()
  for (const [key, value] of Object.entries(metadata)) given.set(key, value)
  const raw = (bytes: Uint8Array): Buffer => Buffer.from(bytes)
  return new Promise<{ outcome: string; details: string }>((resolve) => {
    const told = (error: { code: number; details: string } | null): void =>
      resolve({ outcome: error ? codeOf(error.code) : 'ok', details: error?.details ?? '' })
    const options = { deadline: Date.now() + WITHIN }
    if (!stream) return void client.makeUnaryRequest(`/${name}`, raw, raw, raw(message), given, options, told)
    const call = client.makeBidiStreamRequest(`/${name}`, raw, raw, given, options)
    call.on('data', () => {
      told(null)
      call.cancel()
    })
    call.on('error', told)
    call.write(raw(message))
    call.end()
  }).finally(() => client.close())
}

/** The first of our codes that is told by a gRPC status, or the status's own name. */
function codeOf(status: number): string {
  const found = Object.entries(refusals).find(([, { grpc }]) => grpc === status)?.[0] as Code | undefined
  return found ?? grpcStatus[status] ?? String(status)
}
