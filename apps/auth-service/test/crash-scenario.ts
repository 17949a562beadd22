import { createEncryption } from '@halles/auth/encryption'
import type { AccountEvent } from '@halles/contracts/account-events'
import type { AccountDocument } from '../src/accounts/account-document.ts'
import { eventually } from '@halles/test-fixtures/wait'
import { ROTATION_GRACE_PERIOD } from '../src/sessions/session.ts'
import { registrationInput, unusedEmail } from './fixtures.ts'

/** How long a link may take to arrive, in milliseconds. */
const LINK_TIMEOUT = 20_000

export const LINK_SECRET = 'between auth-service and notification-service'

/** What a client knows of a session, by its tokens. `ended`: whether the client has ended it, by a step that was answered. */
type ClientSession = { accessToken: string; refreshToken: string; ended: boolean }

/** Where the account events of the scenarios arrive. */
type Events = () => Iterable<AccountEvent>

export type CrashScenario = ReturnType<typeof createCrashScenario>

/** A response of auth-service. */
type Answer = { status: number; body: any }

/**
 * Creates an owner who registers and then changes everything about their account. When the process dies, `resume` repeats the
 * step that was not answered, as a person does who sees an error, and goes on to the end.
 */
export function createCrashScenario(events: Events) {
  const { name, email: firstEmail } = registrationInput()
  const passwords = ['une première douzaine', 'une deuxième douzaine', 'une troisième douzaine'] as const
  const secondEmail = unusedEmail()
  let [email, password]: [string, string] = [firstEmail, passwords[0]]
  let userId = ''
  const sessions: ClientSession[] = []
  let url = ''
  let step = 0
  const violations: string[] = []
  let isInterrupted = false
  let interruption: unknown
  let interruptedAt = Infinity

  const send = async (method: string, path: string, body?: object, session?: ClientSession): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(session && { authorization: `Bearer ${session.accessToken}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  const expectStatus = ({ status, body }: Answer, what: string, ...expected: number[]): void => {
    if (!expected.includes(status)) violations.push(`${what} was answered ${status} ${body?.code ?? ''}`)
  }
  const keep = ({ body: { user, accessToken, refreshToken } }: Answer): ClientSession => {
    userId = user.id
    const session = { accessToken, refreshToken, ended: false }
    sessions.push(session)
    return session
  }
  const signIn = async (): Promise<ClientSession | undefined> => {
    const answer = await send('POST', '/login', { email, password })
    expectStatus(answer, `the sign-in before step ${step}`, 200)
    return answer.status === 200 ? keep(answer) : undefined
  }
  const newestSession = (): ClientSession => sessions.at(-1)!
  const endSessions = (except?: ClientSession): void => {
    for (const session of sessions) if (session !== except) session.ended = true
  }
  const isMyPassword = async (candidate: string, address = email): Promise<boolean> =>
    (await send('POST', '/login', { email: address, password: candidate })).status === 200
  const findLinks = (type: string): AccountEvent[] =>
    [...events()].filter((event) => event.subject === userId && event.type === type)
  /** Requests a link, and redeems the newest one that arrives: an earlier one may arrive late, and is not valid any more. */
  const useLink = async (
    type: string,
    request: () => Promise<Answer>,
    redeem: (token: string) => Promise<Answer>,
  ): Promise<void> => {
    const tried = new Set(findLinks(type).map(({ id }) => id))
    expectStatus(await request(), `the request of ${type}`, 202)
    await eventually(
      `a valid link of ${type}`,
      async () => {
        const event = findLinks(type).find(({ id }) => !tried.has(id))
        if (!event) return false
        tried.add(event.id)
        const token = await createEncryption(LINK_SECRET).decrypt(event.data.link!.sealed)
        return (await redeem(token)).status === 204
      },
      LINK_TIMEOUT,
    )
  }
  /** Refreshes the newest session. Later than ten seconds after an interruption, its token may count as used. */
  const refreshNewest = async (): Promise<void> => {
    const session = newestSession()
    const answer = await send('POST', '/refresh', { refreshToken: session.refreshToken })
    if (answer.status === 200) Object.assign(session, answer.body)
    else if (performance.now() - interruptedAt > ROTATION_GRACE_PERIOD) {
      session.ended = true
      await signIn()
    } else expectStatus(answer, 'a refresh', 200)
  }

  /** The steps. A repeated one finds out what the interrupted one has done. */
  const steps: ((isRepeated: boolean) => Promise<void>)[] = [
    async (isRepeated) => {
      const answer = await send('POST', '/register', { name, email, password })
      expectStatus(answer, 'registration', ...(isRepeated ? [201, 409] : [201]))
      if (answer.status === 201) keep(answer)
      else await signIn()
    },
    refreshNewest,
    async (isRepeated) => {
      if (!(isRepeated && (await isMyPassword(passwords[1])))) {
        await useLink(
          'account.password-reset-requested',
          () => send('POST', '/password/forgotten', { email }),
          (token) => send('POST', '/password/reset', { token, newPassword: passwords[1] }),
        )
      }
      password = passwords[1]
      endSessions()
    },
    async () => void (await signIn()),
    async () => void (await signIn()),
    async (isRepeated) => {
      const current = newestSession()
      if (!(isRepeated && (await isMyPassword(passwords[2])))) {
        const body = { currentPassword: password, newPassword: passwords[2] }
        expectStatus(await send('PUT', '/me/password', body, current), 'the change of the password', 204)
      }
      password = passwords[2]
      endSessions(current)
    },
    async () => void (await signIn()),
    async (isRepeated) => {
      const current = newestSession()
      if (!(isRepeated && (await isMyPassword(password, secondEmail)))) {
        await useLink(
          'account.email-change-requested',
          () => send('PUT', '/me/email', { email: secondEmail, password }, current),
          (token) => send('POST', '/email/change', { token }),
        )
      }
      email = secondEmail
      endSessions(current)
    },
    refreshNewest,
    async (isRepeated) => {
      if (isRepeated && !(await isMyPassword(password))) return endSessions()
      expectStatus(await send('DELETE', '/me', { password }, newestSession()), 'the deletion', 204)
      endSessions()
    },
  ]

  return {
    /** Takes all steps. Resolves with whether the process has lived through them. */
    async run(service: string): Promise<boolean> {
      url = service
      for (; step < steps.length; step++)
        try {
          await steps[step]!(false)
        } catch (error) {
          // A connection that broke: the process was killed. Its events may never arrive, either.
          isInterrupted = true
          interruption = error
          interruptedAt = performance.now()
          return false
        }
      return true
    },

    /** Repeats the step that was interrupted, with another process. */
    async resume(service: string): Promise<void> {
      url = service
      if (!isInterrupted) return
      try {
        await steps[step]!(true)
      } catch (error) {
        violations.push(`step ${step} failed again after ${String(interruption)}: ${String(error)}`)
      }
    },

    /** What does not hold for the owner, once everything that was left has been done. */
    async findViolations(service: string, account: AccountDocument | null): Promise<string[]> {
      url = service
      const found = [...violations]
      const refresh = async ({ refreshToken }: ClientSession) =>
        (await send('POST', '/refresh', { refreshToken })).status
      for (const [i, session] of sessions.entries())
        if (session.ended && (await refresh(session)) !== 401) found.push(`session ${i} has not ended`)
      if (!account) return [...found, 'there is no account']
      const isDeleted = account.deletedAt !== undefined
      const newest = newestSession()
      if (isDeleted ? !newest.ended : !newest.ended && (await refresh(newest)) !== 200)
        found.push('the owner was signed out, or in, without cause')
      if (account.endingSessions) found.push('it is not certain that its sessions have ended')
      if (account.unpublished?.some(({ from }) => from === undefined)) found.push('an event was not published')
      if (isDeleted) return found
      const count = (type: string): number => findLinks(type).length
      const expected = {
        'account.email-verification-requested': 1,
        'account.password-changed': passwords.indexOf(password as (typeof passwords)[0]),
        'account.email-changed': email === secondEmail ? 1 : 0,
      }
      for (const [type, times] of Object.entries(expected))
        if (count(type) !== times) found.push(`${count(type)} events ${type} instead of ${times}`)
      if (account.email !== email) found.push('the account has another address')
      return found
    },

    userId: () => userId,
  }
}
