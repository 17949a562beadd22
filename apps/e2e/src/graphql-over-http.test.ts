import { auditServer } from 'graphql-http'
import { expect, inject, it } from 'vitest'

const { gateway, services } = inject('shop')

it.each(Object.entries({ gateway, ...services }))(
  '%s passes all checks of the GraphQL over HTTP audit',
  async (_name, url) => {
    const results = await auditServer({ url: `${url}/graphql` })
    expect(results).toHaveLength(61)
    expect(results.filter(({ status }) => status !== 'ok').map(({ name }) => name)).toEqual([])
  },
)
