import { defineConfig } from 'vitest/config'
import { reporters } from './vitest.shared.ts'

/** `npm test`: the tests of every app and package in one run, on one start of each server. */
export default defineConfig({
  test: {
    projects: ['apps/*/vitest.config.ts', 'packages/*/vitest.config.ts'],
    reporters,
  },
})
