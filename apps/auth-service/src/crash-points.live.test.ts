import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ACCOUNT_EVENTS, ACCOUNT_EVENTS_PARTITIONS, parseAccountEvent } from '@halles/contracts/account-events'
import { instrumentSources } from '@halles/crash-points/crash-points'
import { connectMongo, type MongoConnection } from '@halles/mongo/mongo'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { startProcess, type Process } from '@halles/test-fixtures/process'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createCrashScenario, LINK_SECRET, type CrashScenario } from '../test/crash-scenario.ts'
import { collectEvents } from '../test/event-collector.ts'
import type { AccountDocument } from './accounts/account-document.ts'
import { runKeysCommand } from './signing-keys/keys-command.ts'

// Auth-service is killed right after each write by which an account is registered, changed and deleted. What was interrupted is
// repeated with another process; then the account must be whole, and its events published once each.

/** The beginnings of the points at which it is killed, by the source. A point that is no longer there fails the test. */
const writes = [
  'register.ts registerNow: await users.insert(',
  'start-session.ts startSession: await Promise.all([ accessTokens.sign(',
  'refresh-session.ts refreshSession: await sessions.rotate(',
  'request-link.ts requestPasswordReset: await linkRequests.insert(',
  'issue-links.ts issueRequestedLinks: await accountLinks.save(',
  'outbox.ts publishPendingEvents: await publisher.send(ACCOUNT_EVENTS',
  'outbox.ts publishPendingEvents: await pendingEvents.markPublished(',
  'redeem-link.ts resetPasswordNow: await accountLinks.resetPassword(',
  'end-changed-sessions.ts endChangedSessions: await sessions.endAll(',
  'change-password.ts changePasswordNow: await users.changePassword(',
  'change-email.ts requestEmailChangeNow: await accountLinks.save(',
  'change-email.ts changeEmail: await accountLinks.changeEmail(',
  'delete-account.ts deleteAccountNow: await users.erase(',
]

const { points, flagsToCrashAt, remove } = instrumentSources(
  [
    'accounts/register.ts',
    'accounts/delete-account.ts',
    'account-links/change-email.ts',
    'account-links/issue-links.ts',
    'account-links/redeem-link.ts',
    'account-links/request-link.ts',
    'account-events/outbox.ts',
    'passwords/change-password.ts',
    'sessions/end-changed-sessions.ts',
    'sessions/refresh-session.ts',
    'sessions/start-session.ts',
  ].map((file) => new URL(file, import.meta.url)),
)
afterAll(remove)

/** How many processes run at a time, each on a database of its own. */
const LANES = 2

type Lane = { database: string; mongo: MongoConnection; start: (flags?: string[]) => Process }
type Run = { scenario: CrashScenario; isKilled: boolean; lane: Lane; violations: string[] }

const cleanups: (() => unknown)[] = []
/** By the beginning of the point. */
const runs = new Map<string, Run>()

beforeAll(async () => {
  const events = await collectEvents(inject('kafka'), ACCOUNT_EVENTS, ACCOUNT_EVENTS_PARTITIONS, parseAccountEvent)
  cleanups.push(events.close)
  const lanes = await Promise.all(Array.from({ length: LANES }, createLane))

  const queue = writes.values()
  await Promise.all(
    lanes.map(async (lane) => {
      for (const write of queue) {
        const point = points.find((name) => name.startsWith(write))
        if (point === undefined) continue
        const scenario = createCrashScenario(() => events.events.values())
        // A refresh may be repeated for ten seconds only, so that this process is started before.
        const early = write.startsWith('refresh') ? lane.start() : undefined
        await early?.listening
        const killed = lane.start(flagsToCrashAt(point))
        const url = await killed.listening
        if (url !== undefined) await scenario.run(url)
        killed.child.kill('SIGTERM')
        const { signal } = await killed.ended
        const other = early ?? lane.start()
        await scenario.resume((await other.listening)!)
        await other.stop()
        runs.set(write, { scenario, isKilled: signal === 'SIGKILL', lane, violations: [] })
      }
    }),
  )
  await Promise.all(lanes.map(checkRuns))
}, 600_000)

afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})

async function createLane(): Promise<Lane> {
  const database = uniqueDatabaseUrl(inject('mongodb'), 'auth')
  const mongo = await connectMongo(database, 'crash-points-test')
  cleanups.push(mongo.close)
  const env = {
    MONGODB_URL: database,
    KAFKA_BROKERS: inject('kafka'),
    ACCOUNT_LINK_SECRET: LINK_SECRET,
    THROTTLING_SCALE: '1000',
  }
  const start = (flags: string[] = []): Process => {
    const process = startProcess(new URL('main.ts', import.meta.url), env, flags)
    cleanups.push(process.kill)
    return process
  }
  return { database, mongo, start }
}

/** Waits until a process has done all that was left in its database, and then checks every account. */
async function checkRuns(lane: Lane): Promise<void> {
  const service = lane.start()
  const url = (await service.listening)!
  const accounts = lane.mongo.db.collection<AccountDocument>('users')
  const leftovers = {
    $or: [{ endingSessions: { $exists: true } }, { unpublished: { $elemMatch: { from: { $exists: false } } } }],
  }
  await eventually('nothing is left to do', async () => (await accounts.countDocuments(leftovers)) === 0)
  for (const run of [...runs.values()].filter((one) => one.lane === lane))
    run.violations = await run.scenario.findViolations(url, await accounts.findOne({ _id: run.scenario.userId() }))
  await service.stop()
}

describe('auth-service killed right after', () => {
  it.each(writes)('%s…) leaves a whole account, its sessions and its events', (write) => {
    const { violations, isKilled } = runs.get(write)!
    expect({ violations, isKilled }).toEqual({ violations: [], isKilled: true })
  })
})

describe('the command keys', () => {
  const source = instrumentSources([new URL('signing-keys/signing-keys.ts', import.meta.url)])
  afterAll(source.remove)
  const inside = source.points.filter((name) =>
    /(?:rotate|revoke): await (?:insertIfAbsent|expirePairsBefore|keys\.updateOne)/.test(name),
  )

  it('leaves a key that signs when it is killed at any point, and completes when it is repeated', async () => {
    for (const point of inside) {
      const verb = point.includes(' rotate: ') ? 'rotate' : 'revoke'
      const database = uniqueDatabaseUrl(inject('mongodb'), 'auth')
      const env = { MONGODB_URL: database }
      const kid = (await runKeysCommand(['list'], env)).split(' ')[0]!
      // The next key becomes the one that signs, where there is one.
      if (point.includes('next._id')) await runKeysCommand(['rotate'], env)
      const args = verb === 'rotate' ? ['rotate'] : ['revoke', kid]
      const main = fileURLToPath(new URL('main.ts', import.meta.url))
      const flags = ['--conditions=development', ...source.flagsToCrashAt(point), main, 'keys', ...args]
      const child = spawn(process.execPath, flags, { env: { PATH: process.env['PATH'], ...env }, stdio: 'ignore' })
      const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
      const interrupted = await runKeysCommand(['list'], env)
      expect({ point, signal, signing: interrupted.match(/ signing /g)?.length }).toEqual({
        point,
        signal: 'SIGKILL',
        signing: 1,
      })
      if (verb === 'rotate') {
        await runKeysCommand(args, env).catch(({ message }: Error) => expect(message).toContain('published already'))
        expect(await runKeysCommand(['list'], env)).toMatch(/ next .*\n.* signing .* expires /)
      } else {
        expect(await runKeysCommand(args, env)).toMatch(new RegExp(`^.* signing .*\n${kid} {2}revoked`))
      }
    }
  })
})
