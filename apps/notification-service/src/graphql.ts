import { readFileSync } from 'node:fs'
import { coalesce } from '@halles/service/coalesce'
import { subgraph } from '@halles/service/graphql'
import type { GraphQLContext } from '@halles/service/graphql-http'
import type { Publisher } from '@halles/service/kafka'
import { connection } from '@halles/service/page'
import { reader } from '@halles/service/schema'
import type { GraphQLSchema } from 'graphql'
import { shown, type Content, type DeadLetter } from './dead-letter.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Delivery } from './deliver.ts'
import type { Resolvers } from './gen/graphql.ts'
import type { Letter } from './letter.ts'
import type { Letters } from './letters.ts'
import { DeadLettersQuery, listDeadLetters, readDeadLetter } from './read-dead-letters.ts'
import { lettersAbout, lettersById, LettersQuery, listLetters } from './read-letters.ts'
import { redriveDeadLetter } from './redrive-dead-letter.ts'
import { resendLetter } from './resend-letter.ts'

const sdl = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')

/** How many orders of one request are looked up in one query. */
const ORDERS = 1000

/** The GraphQL face: the notification subgraph. */
export function graphql(shop: {
  letters: Letters
  deadLetters: DeadLetters
  delivery: Delivery
  publisher: Pick<Publisher, 'send'>
}): GraphQLSchema {
  const read = reader(LettersQuery)
  const readDead = reader(DeadLettersQuery)

  // The letters of all orders in one request are fetched by one query.
  const loaders = new WeakMap<GraphQLContext, (orderId: string) => Promise<Letter[]>>()
  const lettersOf = (context: GraphQLContext, orderId: string): Promise<Letter[]> => {
    let load = loaders.get(context)
    if (!load) {
      load = coalesce((ids: string[]) => lettersAbout(shop, context.person, ids), { max: ORDERS })
      loaders.set(context, load)
    }
    return load(orderId)
  }

  // What a dead letter says may be large: it is fetched when it is asked for.
  const contents = new WeakMap<DeadLetter, Promise<DeadLetter & Content>>()
  const contentOf = (dead: DeadLetter, { person }: GraphQLContext): Promise<DeadLetter & Content> => {
    const content = contents.get(dead) ?? readDeadLetter(shop, person, dead.id)
    contents.set(dead, content)
    return content
  }
  const valueOf = async (dead: DeadLetter, context: GraphQLContext) => {
    const { value } = await contentOf(dead, context)
    return value && shown(value)
  }

  const resolvers: Resolvers = {
    Query: {
      notifications: async (_, { status, first, after }, { person }) =>
        connection(await listLetters(shop, person, read({ first, ...given({ status, after }) }))),
      deadLetters: async (_, { redriven, first, after }, { person }) =>
        connection(await listDeadLetters(shop, person, readDead({ first, ...given({ redriven, after }) }))),
      deadLetter: (_, { id }, { person }) => readDeadLetter(shop, person, id),
    },
    Mutation: {
      resendNotification: (_, { id }, { person }) => resendLetter(shop, person, id),
      redriveDeadLetter: (_, { id }, { person }) => redriveDeadLetter(shop, person, id),
    },
    Notification: { order: ({ orderId }) => (orderId === undefined ? null : { id: orderId }) },
    Order: { notifications: ({ id }, _, context) => lettersOf(context, id) },
    DeadLetter: {
      key: ({ key }) => key?.toString('utf8') ?? null,
      value: async (dead, _, context) => (await valueOf(dead, context))?.text ?? null,
      encoding: async (dead, _, context) => encodings[(await valueOf(dead, context))?.encoding ?? 'none'],
      headers: async (dead, _, context) =>
        (await contentOf(dead, context)).headers.map(({ name, value }) => ({ name, value: value.toString('utf8') })),
    },
  }

  return subgraph({
    sdl,
    resolvers,
    references: {
      Notification: (keys, { person }) =>
        lettersById(
          shop,
          person,
          keys.map(({ id }) => id),
        ),
      Order: async (keys) => keys.map(({ id }) => ({ id })),
    },
  })
}

const encodings = { 'utf-8': 'UTF8', base64: 'BASE64', none: null } as const

/** What was given: null and undefined are left out. */
const given = (args: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(args).filter(([, value]) => value != null))
