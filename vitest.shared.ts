import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import type { ServerName } from '@halles/servers'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const reporters: NonNullable<ViteUserConfig['test']>['reporters'] = [
  'default',
  here('./tools/vitest/plain-reporter.ts'),
  ['junit', { outputFile: 'reports/junit.xml' }],
]

type TestOptions = NonNullable<ViteUserConfig['test']>

/**
 * The vitest configuration of one app or package.
 * @param servers what its tests ask for by `inject('mongodb')`, `inject('kafka')`, `inject('smtp')`, `inject('mailbox')`;
 *   started before them, each once for all projects of a run
 */
export function projectConfig(
  name: string,
  { servers = [], ...more }: { servers?: ServerName[] } & Omit<TestOptions, 'name'> = {},
): ViteUserConfig {
  return defineConfig({
    // Vite would take graphql's ES modules for our files, while what we import takes its CommonJS: two copies, and
    // `instanceof GraphQLError` would be false. Node itself always takes the CommonJS one.
    resolve: { alias: [{ find: /^graphql$/, replacement: here('./node_modules/graphql/index.js') }] },
    test: {
      name,
      environment: 'node',
      include: ['src/**/*.test.ts'],
      globalSetup: [here('./tools/vitest/global-setup.ts')],
      provide: { servers },
      reporters,
      // They only end what hangs: a machine that is five times slower is not wrong.
      testTimeout: 120_000,
      hookTimeout: 180_000,
      teardownTimeout: 120_000,
      // In CI one test of thousands that lost a race with a busy machine is tried once more, and named at the end.
      retry: process.env['CI'] ? 1 : 0,
      ...more,
    },
  })
}
