import { sendGraphql, sendRest, type ClientResponse, type RestRequest } from '../clients.ts'
import { services, type Service } from '../endpoints/endpoints.ts'
import type { AttackFixtures } from '../fixtures/attack-fixtures.ts'

/** The result of an attack. `rejected`: the shop responded as expected. `observed`: the response in a few words. */
export type Verdict = { rejected: boolean; observed: string }

/** One attack on one endpoint. */
export type Attack = {
  category: string
  /** What is attempted, as a noun phrase. */
  name: string
  /** `gateway`, `order graphql`, … */
  endpoint: string
  /** The expected response, as error codes or in words. */
  expected: string
  /** Whether it measures other clients, and so runs after the other attacks, by itself. */
  alone?: true
  run: (fixtures: AttackFixtures) => Promise<Verdict>
}

/** What names an attack, whatever its endpoint. */
export type Title = Pick<Attack, 'category' | 'name'>

/** The verdict on a response, by the outcomes that are expected. */
export const toVerdict = (response: Pick<ClientResponse, 'outcome'>, ...expected: string[]): Verdict => ({
  rejected: expected.includes(response.outcome),
  observed: response.outcome,
})

/** An HTTP endpoint to attack. The paths of a service's own routes are appended to `baseUrl`. */
export type Target = { endpoint: string; baseUrl: (fixtures: AttackFixtures) => string }

/** Where the REST routes of a service are reachable: the gateway, and the service itself if its address is known. */
export const restTargets = (service: Service, { shop }: AttackFixtures): Target[] => [
  { endpoint: 'gateway', baseUrl: ({ shop }) => `${shop.gateway}/api` },
  ...(shop.services ? [{ endpoint: service, baseUrl: ({ shop }: AttackFixtures) => shop.services![service] }] : []),
]

/** The GraphQL endpoints: the gateway, and these subgraphs if their addresses are known. */
export const graphqlTargets = ({ shop }: AttackFixtures, subgraphs: readonly Service[] = services): Target[] => [
  { endpoint: 'gateway graphql', baseUrl: ({ shop }) => shop.gateway },
  ...(shop.services
    ? subgraphs.map((service) => ({
        endpoint: `${service} graphql`,
        baseUrl: ({ shop }: AttackFixtures) => shop.services![service],
      }))
    : []),
]

/** Attacks that send the same REST request to each target. */
export const attackRest = (
  targets: Target[],
  title: Title,
  request: (fixtures: AttackFixtures) => RestRequest | Promise<RestRequest>,
  ...expected: string[]
): Attack[] =>
  targets.map(({ endpoint, baseUrl }) => ({
    ...title,
    endpoint,
    expected: expected.join(' or '),
    run: async (fixtures) => toVerdict(await sendRest(baseUrl(fixtures), await request(fixtures)), ...expected),
  }))

export type Operation = { query: string; variables?: object; headers?: Record<string, string> }

/** Attacks that send the same GraphQL operation to each target. */
export const attackGraphql = (
  targets: Target[],
  title: Title,
  operation: (fixtures: AttackFixtures) => Operation | Promise<Operation>,
  ...expected: string[]
): Attack[] =>
  targets.map(({ endpoint, baseUrl }) => ({
    ...title,
    endpoint,
    expected: expected.join(' or '),
    run: async (fixtures) => toVerdict(await sendGraphql(baseUrl(fixtures), await operation(fixtures)), ...expected),
  }))
