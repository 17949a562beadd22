import { readFileSync } from 'node:fs'
import { coalesce } from '@halles/service/coalesce'
import { subgraph } from '@halles/service/graphql'
import type { GraphQLContext } from '@halles/service/graphql-http'
import { connection } from '@halles/service/page'
import { reader } from '@halles/service/schema'
import type { GraphQLSchema } from 'graphql'
import type { Delivery } from './deliver.ts'
import type { Resolvers } from './gen/graphql.ts'
import type { Letter } from './letter.ts'
import type { Letters } from './letters.ts'
import { lettersAbout, lettersById, LettersQuery, listLetters } from './read-letters.ts'
import { resendLetter } from './resend-letter.ts'

const sdl = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')

/** How many orders of one request are looked up in one query. */
const ORDERS = 1000

/** The GraphQL face: the notification subgraph. */
export function graphql(shop: { letters: Letters; delivery: Delivery }): GraphQLSchema {
  const read = reader(LettersQuery)

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

  const resolvers: Resolvers = {
    Query: {
      notifications: async (_, { status, first, after }, { person }) =>
        connection(await listLetters(shop, person, read({ first, ...given({ status, after }) }))),
    },
    Mutation: {
      resendNotification: (_, { id }, { person }) => resendLetter(shop, person, id),
    },
    Notification: { order: ({ orderId }) => ({ id: orderId }) },
    Order: { notifications: ({ id }, _, context) => lettersOf(context, id) },
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

/** What was given: null and undefined are left out. */
const given = (args: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(args).filter(([, value]) => value != null))
