import { readFileSync } from 'node:fs'
import { createBatcher } from '@halles/concurrency/batcher'
import { createSubgraphSchema } from '@halles/subgraph/subgraph-schema'
import type { GraphQLContext } from '@halles/graphql-server/execution'
import type { Publisher } from '@halles/kafka/kafka'
import { toConnection } from '@halles/validation/page'
import { createParser } from '@halles/validation/schema'
import type { GraphQLSchema } from 'graphql'
import { toText, type DeadLetter, type DeadLetterContent } from './dead-letters/dead-letter.ts'
import type { DeadLetterStore } from './dead-letters/dead-letters.ts'
import { DeadLettersQuery, listDeadLetters, readDeadLetter } from './dead-letters/read-dead-letters.ts'
import { redriveDeadLetter } from './dead-letters/redrive-dead-letter.ts'
import type { DeliveryWorker } from './emails/delivery-worker.ts'
import type { Email } from './emails/email.ts'
import type { EmailStore } from './emails/emails.ts'
import { EmailsQuery, findEmailsById, findEmailsByOrder, listEmails } from './emails/read-emails.ts'
import { resendEmail } from './emails/resend-email.ts'
import type { Resolvers } from './gen/graphql.ts'

const sdl = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')

/** The most orders of one request whose e-mails one database query reads. */
const MAX_ORDERS_PER_QUERY = 1000

/** Creates the GraphQL schema of the notification subgraph. */
export function graphql(deps: {
  emails: EmailStore
  deadLetters: DeadLetterStore
  worker: DeliveryWorker
  publisher: Pick<Publisher, 'send'>
}): GraphQLSchema {
  const parseEmailsQuery = createParser(EmailsQuery)
  const parseDeadLettersQuery = createParser(DeadLettersQuery)

  // One loader per request batches the e-mails of all its orders into one query (DataLoader).
  const loaders = new WeakMap<GraphQLContext, (orderId: string) => Promise<Email[]>>()
  const loadEmails = (context: GraphQLContext, orderId: string): Promise<Email[]> => {
    let load = loaders.get(context)
    if (!load) {
      load = createBatcher((ids: string[]) => findEmailsByOrder(deps, context.principal, ids), {
        maxSize: MAX_ORDERS_PER_QUERY,
      })
      loaders.set(context, load)
    }
    return load(orderId)
  }

  // The content of a dead letter may be large, so it is read only when a query selects it.
  const contents = new WeakMap<DeadLetter, Promise<DeadLetter & DeadLetterContent>>()
  const loadContent = (
    deadLetter: DeadLetter,
    { principal }: GraphQLContext,
  ): Promise<DeadLetter & DeadLetterContent> => {
    const content = contents.get(deadLetter) ?? readDeadLetter(deps, principal, deadLetter.id)
    contents.set(deadLetter, content)
    return content
  }
  const loadValue = async (deadLetter: DeadLetter, context: GraphQLContext) => {
    const { value } = await loadContent(deadLetter, context)
    return value && toText(value)
  }

  const resolvers: Resolvers = {
    Query: {
      notifications: async (_, { first, ...conditions }, { principal }) =>
        toConnection(await listEmails(deps, principal, parseEmailsQuery({ first, ...omitNull(conditions) }))),
      deadLetters: async (_, { redriven, first, after }, { principal }) =>
        toConnection(
          await listDeadLetters(deps, principal, parseDeadLettersQuery({ first, ...omitNull({ redriven, after }) })),
        ),
      deadLetter: (_, { id }, { principal }) => readDeadLetter(deps, principal, id),
    },
    Mutation: {
      resendNotification: (_, { id }, { principal }) => resendEmail(deps, principal, id),
      redriveDeadLetter: (_, { id }, { principal }) => redriveDeadLetter(deps, principal, id),
    },
    Notification: {
      order: ({ orderId }) => (orderId === undefined ? null : { id: orderId }),
      lastError: ({ lastError }, _, { principal }) => (principal?.role === 'admin' ? lastError : null),
    },
    Order: { notifications: ({ id }, _, context) => loadEmails(context, id) },
    DeadLetter: {
      key: ({ key }) => key?.toString('utf8') ?? null,
      parkedAt: ({ deadLetteredAt }) => deadLetteredAt,
      value: async (deadLetter, _, context) => (await loadValue(deadLetter, context))?.text ?? null,
      encoding: async (deadLetter, _, context) =>
        graphqlEncodings[(await loadValue(deadLetter, context))?.encoding ?? 'none'],
      headers: async (deadLetter, _, context) =>
        (await loadContent(deadLetter, context)).headers.map(({ name, value }) => ({
          name,
          value: value.toString('utf8'),
        })),
    },
  }

  return createSubgraphSchema({
    sdl,
    resolvers,
    references: {
      Notification: (keys, { principal }) =>
        findEmailsById(
          deps,
          principal,
          keys.map(({ id }) => id),
        ),
      Order: async (keys) => keys.map(({ id }) => ({ id })),
    },
  })
}

const graphqlEncodings = { 'utf-8': 'UTF8', base64: 'BASE64', none: null } as const

/** The arguments that are neither null nor undefined. */
const omitNull = (args: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(args).filter(([, value]) => value != null))
