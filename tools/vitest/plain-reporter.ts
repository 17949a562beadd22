import type { Reporter, TestCase, TestModule } from 'vitest/node'

/** Prints `N passed, N failed` as the last line. Before it, lists skipped tests with the reason, and flaky ones. */
export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const inState = (state: string) => tests.filter((test) => test.result().state === state)
    const skipped = [...inState('skipped'), ...inState('pending')]
    const failed = inState('failed').length + modules.filter(failedToLoad).length + unhandledErrors.length
    const flaky = tests.filter((test) => test.diagnostic()?.flaky)
    const lines = [
      ...flaky.map((test) => `flaky, passed on retry: ${test.fullName}`),
      ...skipped.map((test) => `skipped: ${test.fullName}${reason(test)}`),
      ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
      `${inState('passed').length} passed, ${failed} failed`,
    ]
    process.once('exit', () => process.stdout.write(`\n${lines.join('\n')}\n`))
  }
}

/** Whether a module failed although none of its tests did, as when it could not be imported. */
function failedToLoad(module: TestModule): boolean {
  return !module.ok() && ![...module.children.allTests('failed')].length
}

function reason(test: TestCase): string {
  const result = test.result()
  return result.state === 'skipped' && result.note !== undefined ? ` (${result.note})` : ''
}
