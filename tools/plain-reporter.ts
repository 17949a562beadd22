import type { Reporter, TestModule } from 'vitest/node'

/** Prints `N passed, N failed` as the very last line; skipped tests are named on the line before. */
export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      const tests = [...module.children.allTests()]
      for (const test of tests) count[test.result().state]++
      if (!module.ok() && !tests.some((test) => test.result().state === 'failed')) count.failed++ // did not load
    }
    const skipped = count.skipped + count.pending
    const lines = [...(skipped > 0 ? [`${skipped} skipped`] : []), `${count.passed} passed, ${count.failed} failed`]
    process.once('exit', () => process.stdout.write(`\n${lines.join('\n')}\n`))
  }
}
