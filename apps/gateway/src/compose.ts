import { readFileSync, writeFileSync } from 'node:fs'
import { composeServices } from '@apollo/composition'
import { Supergraph } from '@apollo/federation-internals'
import { parse, printSchema } from 'graphql'
import { services } from './config.ts'

/**
 * Composes the subgraph schemas of all services into the supergraph schema.
 *
 * @param readSchema returns the text of a service's schema.graphql; its argument is `auth`, `product`, …
 * @returns the supergraph as SDL
 * @throws Error that lists all composition errors
 */
export function composeSupergraph(readSchema: (service: string) => string): string {
  const { supergraphSdl, errors } = composeServices(
    services.map((name) => ({
      name,
      // A placeholder: the environment sets the addresses of the services.
      url: `http://${name}-service/graphql`,
      typeDefs: parse(readSchema(name)),
    })),
  )
  if (supergraphSdl === undefined)
    throw new Error(`The subgraphs do not compose:\n  ${errors.map((error) => error.message).join('\n  ')}`)
  return `${supergraphSdl.trim()}\n`
}

/** The schema that clients of the supergraph see, as SDL: without federation's types and directives. */
export const toApiSchema = (supergraphSdl: string): string =>
  `${printSchema(Supergraph.build(supergraphSdl).apiSchema().toGraphQLJSSchema())}\n`

/** Reads the subgraph schema of a service from this repository. */
export const readSubgraphSchema = (service: string): string =>
  readFileSync(new URL(`../../${service}-service/schema.graphql`, import.meta.url), 'utf8')

if (import.meta.main)
  writeFileSync(new URL('../supergraph.graphql', import.meta.url), composeSupergraph(readSubgraphSchema))
