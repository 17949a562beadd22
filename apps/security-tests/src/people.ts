import { randomUUID } from 'node:crypto'
import { eventually } from '@halles/testkit/wait'
import { askRest, parsed } from './ask.ts'
import { services } from './doors.ts'
import { forgedBy } from './forge.ts'
import type { Place } from './place.ts'

export type Person = {
  id: string
  name: string
  email: string
  password: string
  refreshToken: string
  /** Signs a request. */
  headers: Record<string, string>
  token: string
}

/** A password that no one has, with a word that is in no one’s name. */
export const newPassword = (): string => `pantoufle ${randomUUID()}`

/** How many people this run has made: the last part of their names. */
let made = 0

/** Opens an account. @param more what else is sent */
export async function newPerson({ gateway }: Pick<Place, 'gateway'>, more: object = {}): Promise<Person> {
  const password = newPassword()
  const wish = { name: `Sacha ${++made}`, email: `doors-${randomUUID()}@example.test`, password, ...more }
  return personOf(await asked(gateway, { method: 'POST', path: '/api/register', body: wish }), password)
}

/** Signs someone in who has an account. */
export async function signIn(
  { gateway }: Pick<Place, 'gateway'>,
  { email, password }: { email: string; password: string },
): Promise<Person> {
  return personOf(await asked(gateway, { method: 'POST', path: '/api/login', body: { email, password } }), password)
}

/** Makes an admin of someone new, by the shop's own: what is tried on admins is not tried on that one. */
export async function newAdmin(place: Place, boss: Person): Promise<Person> {
  const person = await newPerson(place)
  await asked(place.gateway, {
    method: 'PUT',
    path: `/api/users/${person.id}/role`,
    body: { role: 'admin' },
    headers: boss.headers,
  })
  return signIn(place, person)
}

function personOf({ user, accessToken, refreshToken }: any, password: string): Person {
  const { id, name, email } = user
  return { id, name, email, password, refreshToken, token: accessToken, headers: bearer(accessToken) }
}

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

/** What the shop answers to something that must go well. */
export async function asked(base: string, request: Parameters<typeof askRest>[1]): Promise<any> {
  const answer = await askRest(base, request)
  if (answer.outcome !== 'ok')
    throw new Error(`${request.method ?? 'GET'} ${request.path} was answered ${answer.status}: ${answer.text}`)
  return parsed(answer.text)
}

/** A product of one's own, so that no one else buys it. */
export const newProduct = async (place: Place, admin: Person, more: object = {}): Promise<{ id: string }> =>
  asked(place.gateway, {
    method: 'POST',
    path: '/api/products',
    body: { name: `Tomme ${randomUUID().slice(0, 8)}`, price: 10, category: 'Essais', stock: 1000, ...more },
    headers: admin.headers,
  })

export const newOrder = async (place: Place, person: Person, productId: string): Promise<{ id: string }> =>
  asked(place.gateway, {
    method: 'POST',
    path: '/api/orders',
    body: { items: [{ productId, quantity: 1 }] },
    headers: person.headers,
  })

/** The id of the letter about an order, once there is one. */
export const letterAbout = (place: Place, person: Person, orderId: string): Promise<string> =>
  eventually(`a letter about ${orderId}`, async () => {
    const path = `/api/notifications?orderId=${orderId}`
    const { items } = await asked(place.gateway, { path, headers: person.headers })
    return items[0]?.id as string | undefined
  })

/** A customer whose account was closed: resolves when every door has heard of it. */
export async function newDeactivated(place: Place, admin: Person): Promise<Person> {
  const person = await newPerson(place)
  const closing = { method: 'PUT', path: `/api/users/${person.id}/active`, body: { active: false } }
  await asked(place.gateway, { ...closing, headers: admin.headers })
  const doors = [place.gateway, ...services.flatMap((service) => place.services?.[service] ?? [])]
  for (const door of doors)
    await eventually(`${door} knows of the closed account`, async () => {
      const { outcome } = await askRest(door, { path: '/healthz', headers: person.headers })
      return outcome === 'UNAUTHENTICATED'
    })
  return person
}

/** The headers of someone whose token has ended, a second ago, signed by the shop's own key. */
export async function withExpired(mongodb: string, person: Person): Promise<Record<string, string>> {
  const forge = await forgedBy(mongodb)
  return bearer(await forge({ claims: person.token, endedFor: 1 }))
}
