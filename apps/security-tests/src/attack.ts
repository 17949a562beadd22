import { askGraphql, askRest, type Answer, type Request } from './ask.ts'
import { services, type Service } from './doors.ts'
import type { Ground } from './ground.ts'

/**
 * What an attack came to. `refused`: the answer was the right one, or one that is as good. `saw` is that answer in a few
 * words.
 */
export type Verdict = { refused: boolean; saw: string }

/** One attack at one door. */
export type Attack = {
  class: string
  /** What is tried, as a noun. */
  what: string
  /** Where: `gateway`, `order graphql`, … */
  door: string
  /** What the right answer is, in words or codes. */
  right: string
  try: (ground: Ground) => Promise<Verdict>
}

/** A verdict by the outcomes that are right. */
export const oneOf = (answer: Pick<Answer, 'outcome'>, ...right: string[]): Verdict => ({
  refused: right.includes(answer.outcome),
  saw: answer.outcome,
})

/** A door that REST is asked at: the base to which a service’s own path is added. */
export type RestDoor = { door: string; base: (ground: Ground) => string }

/** The doors of a service’s REST routes: the gateway, and its own where it is known. */
export const restDoors = (service: Service, { place }: Ground): RestDoor[] => [
  { door: 'gateway', base: ({ place }) => `${place.gateway}/api` },
  ...(place.services ? [{ door: service, base: ({ place }: Ground) => place.services![service] }] : []),
]

/** The doors of GraphQL: the gateway’s, and those of some subgraphs where they are known. */
export const graphqlDoors = ({ place }: Ground, of: readonly Service[] = services): RestDoor[] => [
  { door: 'gateway graphql', base: ({ place }) => place.gateway },
  ...(place.services
    ? of.map((service) => ({ door: `${service} graphql`, base: ({ place }: Ground) => place.services![service] }))
    : []),
]

/** The same request at each door, and its right answers. */
export const atRest = (
  doors: RestDoor[],
  about: Pick<Attack, 'class' | 'what'>,
  request: (ground: Ground) => Request | Promise<Request>,
  ...right: string[]
): Attack[] =>
  doors.map(({ door, base }) => ({
    ...about,
    door,
    right: right.join(' or '),
    try: async (ground) => oneOf(await askRest(base(ground), await request(ground)), ...right),
  }))

export type Operation = { query: string; variables?: object; headers?: Record<string, string> }

/** The same operation at each door, and its right answers. */
export const atGraphql = (
  doors: RestDoor[],
  about: Pick<Attack, 'class' | 'what'>,
  operation: (ground: Ground) => Operation | Promise<Operation>,
  ...right: string[]
): Attack[] =>
  doors.map(({ door, base }) => ({
    ...about,
    door,
    right: right.join(' or '),
    try: async (ground) => oneOf(await askGraphql(base(ground), await operation(ground)), ...right),
  }))
