import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import type { ServerName } from '@halles/test-servers'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const reporters: NonNullable<ViteUserConfig['test']>['reporters'] = [
  'default',
  here('./tools/vitest/plain-reporter.ts'),
  ['junit', { outputFile: 'reports/junit.xml' }],
]

type TestOptions = NonNullable<ViteUserConfig['test']>

/**
 * The vitest configuration of one app or package.
 * @param servers the servers that its tests get by `inject('mongodb')`, `inject('kafka')`, `inject('smtp')` and
 *   `inject('mailbox')`; each is started once for all projects of a run
 */
export function projectConfig(
  name: string,
  { servers = [], ...more }: { servers?: ServerName[] } & Omit<TestOptions, 'name'> = {},
): ViteUserConfig {
  return defineConfig({
    // Vite would load graphql's ES modules for our files and its CommonJS for our dependencies: two copies, with which
    // `instanceof GraphQLError` is false. Node always loads the CommonJS one.
    resolve: { alias: [{ find: /^graphql$/, replacement: here('./node_modules/graphql/index.js') }] },
    test: {
      name,
      environment: 'node',
      include: ['src/**/*.test.ts'],
      globalSetup: [here('./tools/vitest/global-setup.ts')],
      provide: { servers },
      reporters,
      // Generous timeouts: they end tests that hang, and do not fail on a slow machine.
      testTimeout: 120_000,
      hookTimeout: 180_000,
      teardownTimeout: 120_000,
      // CI retries a failed test once, as a busy machine can cause a failure. The reporter lists it as flaky.
      retry: process.env['CI'] ? 1 : 0,
      ...more,
    },
  })
}
