import type { Reporter, TestCase, TestModule } from 'vitest/node'

/** Prints `N passed, N failed` as the very last line; before it, which tests were skipped and why, and which needed two tries. */
export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const inState = (state: string) => tests.filter((test) => test.result().state === state)
    const skipped = [...inState('skipped'), ...inState('pending')]
    const failed = inState('failed').length + modules.filter(didNotLoad).length + unhandledErrors.length
    const again = tests.filter((test) => test.diagnostic()?.flaky)
    const lines = [
      ...again.map((test) => `passed at the second try, which is a bug: ${test.fullName}`),
      ...skipped.map((test) => `skipped: ${test.fullName}${reason(test)}`),
      ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
      `${inState('passed').length} passed, ${failed} failed`,
    ]
    process.once('exit', () => process.stdout.write(`\n${lines.join('\n')}\n`))
  }
}

/** A module that fails although none of its tests does. */
function didNotLoad(module: TestModule): boolean {
  return !module.ok() && ![...module.children.allTests('failed')].length
}

function reason(test: TestCase): string {
  const result = test.result()
  return result.state === 'skipped' && result.note !== undefined ? ` (${result.note})` : ''
}
