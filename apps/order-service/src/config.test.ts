import { expect, it } from 'vitest'
import { configFrom } from './config.ts'

it('what is missing or wrong in the environment is told at once', () => {
  const told = (env: NodeJS.ProcessEnv) => () => configFrom(env)
  expect(told({ PRODUCT_GRPC_URL: 'http://product:50051' })).toThrow(
    /PORT is missing[\s\S]*JWKS_URL is missing[\s\S]*MONGODB_URL is missing[\s\S]*KAFKA_BROKERS is missing[\s\S]*PRODUCT_GRPC_URL has the wrong form/,
  )
})
