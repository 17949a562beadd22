import { randomUUID } from 'node:crypto'
import { ORDER_EVENTS } from '@halles/contracts/order-events'
import { kafkaAt } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { eventually } from '@halles/testkit/wait'
import {
  asked,
  letterAbout,
  newAdmin,
  newDeactivated,
  newOrder,
  newPassword,
  newPerson,
  newProduct,
  signIn,
  withExpired,
  type Person,
} from './people.ts'
import type { WholePlace } from './place.ts'
import type { Caller } from './table.ts'

export type Cast = Awaited<ReturnType<typeof castIn>>
/** People who ask, and things that are asked for: those of nobody are ids that no one has. */
export async function castIn(place: WholePlace) {
  const boss = await signIn(place, place.admin)
  const [customer, other, admin, deactivated] = await Promise.all([
    newPerson(place),
    newPerson(place),
    newAdmin(place, boss),
    newDeactivated(place, boss),
  ])
  const expired = await withExpired(place.mongodb, customer)
  const product = await newProduct(place, boss)
  const archived = await newProduct(place, boss)
  await asked(place.gateway, { method: 'DELETE', path: `/api/products/${archived.id}`, headers: boss.headers })
  const people: Record<string, Person> = { customer, other, admin }

  const orders = new Map<string, Promise<{ order: string; letter: string }>>()
  /** Someone's order that nothing is done to, and the letter about it. */
  const orderOf = (person: Person): Promise<{ order: string; letter: string }> => {
    const known = orders.get(person.id)
    if (known) return known
    const placed = newOrder(place, person, product.id).then(async ({ id }) => ({
      order: id,
      letter: await letterAbout(place, person, id),
    }))
    orders.set(person.id, placed)
    return placed
  }
  const deadLetter = once(() => parkOne(place, boss))

  const headersOf: Record<Caller, Record<string, string>> = {
    anonymous: {},
    customer: customer.headers,
    other: other.headers,
    admin: admin.headers,
    deactivated: deactivated.headers,
    expired,
  }

  return {
    /** The header that says who asks. */
    headersOf: (caller: Caller): Record<string, string> => headersOf[caller],
    personOf: (name: string): Person | undefined => people[name],
    /** Someone new in the place of a person of this name, for what cannot be done twice. */
    standIn: (name: string): Promise<Person> => (name === 'admin' ? newAdmin(place, boss) : newPerson(place)),
    /**
     * What belongs to someone, or ids that belong to no one.
     * @param spend whether something will be done to an order or a session: then it is a new one
     */
    thingsOf: (person: Person | undefined, spend = false) => ({
      userId: person?.id ?? randomUUID(),
      email: person?.email ?? `${randomUUID()}@example.test`,
      password: person?.password ?? newPassword(),
      order: async (): Promise<string> => (person ? (await orderOf(person)).order : randomUUID()),
      letter: async (): Promise<string> => (person ? (await orderOf(person)).letter : randomUUID()),
      orderToChange: async (): Promise<string> => {
        if (!person) return randomUUID()
        return spend ? (await newOrder(place, person, product.id)).id : (await orderOf(person)).order
      },
      sessionToEnd: async (): Promise<string> =>
        person ? sessionIn((spend ? await signIn(place, person) : person).token) : randomUUID(),
      /** A refresh token that was not used yet. */
      refreshToken: async (): Promise<string> => (person ? (await signIn(place, person)).refreshToken : randomUUID()),
    }),
    product: product.id,
    archived: archived.id,
    newProduct: async (): Promise<string> => (await newProduct(place, boss)).id,
    deadLetter,
    /** Any picture of the catalogue. */
    picture: once(async () => {
      const { items } = await asked(place.gateway, { path: '/api/products?first=100' })
      const image = items.find((one: { image: string | null }) => one.image?.startsWith('/images/'))?.image as string
      return image.replace('/images/', '')
    }),
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

const sessionIn = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { sid: string }).sid

/** The id of a dead letter: of a message that says nothing. */
async function parkOne(place: WholePlace, boss: Person): Promise<string> {
  const key = randomUUID()
  const publisher = kafkaAt(place.kafka, 'doors', logger('doors', 'silent')).publisher()
  await publisher.send(ORDER_EVENTS, [{ key, value: '{}' }])
  await publisher.close()
  return eventually('a message without a meaning is parked', async () => {
    const { items } = await asked(place.gateway, { path: '/api/dead-letters?first=100', headers: boss.headers })
    return items.find((one: { key: string | null }) => one.key === key)?.id as string | undefined
  })
}
