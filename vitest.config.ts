import { defineConfig } from 'vitest/config'
import { reporters } from './vitest.shared.ts'

/** `npm test`: runs the tests of all projects in one run, and starts each server once. */
export default defineConfig({
  test: {
    projects: ['apps/*/vitest.config.ts', 'packages/*/vitest.config.ts'],
    reporters,
  },
})
