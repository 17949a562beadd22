import { readFileSync, writeFileSync } from 'node:fs'
import { composeServices } from '@apollo/composition'
import { parse } from 'graphql'
import { services } from './config.ts'

/**
 * The supergraph of all services, as SDL.
 *
 * @param readSchema gives a service's schema.graphql: `auth` and so on
 * @throws Error that lists everything that does not compose
 */
export function composeSupergraph(readSchema: (service: string) => string): string {
  const { supergraphSdl, errors } = composeServices(
    services.map((name) => ({
      name,
      // A placeholder: where the services are is told by the environment.
      url: `http://${name}-service/graphql`,
      typeDefs: parse(readSchema(name)),
    })),
  )
  if (supergraphSdl === undefined)
    throw new Error(`The subgraphs do not compose:\n  ${errors.map((error) => error.message).join('\n  ')}`)
  return `${supergraphSdl.trim()}\n`
}

/** Reads a service's schema from this repository. */
export const schemaOf = (service: string): string =>
  readFileSync(new URL(`../../${service}-service/schema.graphql`, import.meta.url), 'utf8')

if (import.meta.main) writeFileSync(new URL('../supergraph.graphql', import.meta.url), composeSupergraph(schemaOf))
