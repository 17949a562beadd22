import { fork } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import path from 'node:path'

/** A process of the bench's own, which answers one question at a time. */
export type Child<Q, A> = { pid: number; ask: (question: Q) => Promise<A>; stop: () => Promise<void> }

type Reply<A> = { answer: A } | { failure: string }

/**
 * Starts a file of this folder as a process of its own, and resolves when it says that it is ready; it ends with us.
 *
 * @param flags of Node, beside the one that finds sources
 * @param args what its `process.argv` has after the file
 * @param log a file for what it prints; left out, the terminal
 */
export async function child<Q, A>(
  file: string,
  { args = [], flags = [], log }: { args?: string[]; flags?: string[]; log?: string } = {},
): Promise<Child<Q, A>> {
  const output = log === undefined ? 'inherit' : openSync(log, 'a')
  const forked = fork(path.join(import.meta.dirname, file), args, {
    execArgv: ['--conditions=development', '--disable-warning=TimeoutNegativeWarning', ...flags],
    serialization: 'advanced',
    stdio: ['ignore', output, output, 'ipc'],
  })
  const heard = async (): Promise<unknown> => {
    const stopWaiting = new AbortController()
    try {
      return await Promise.race([
        once(forked, 'message', stopWaiting).then(([message]) => message as unknown),
        once(forked, 'exit', stopWaiting).then(([code]) => {
          throw new Error(`${file} ended (${code}) instead of answering`)
        }),
      ])
    } finally {
      stopWaiting.abort()
    }
  }
  await heard()
  return {
    pid: forked.pid!,
    ask: async (question) => {
      const answered = heard()
      forked.send(question as object)
      const reply = (await answered) as Reply<A>
      if ('failure' in reply) throw new Error(`${file}: ${reply.failure}`)
      return reply.answer
    },
    stop: async () => {
      if (forked.exitCode !== null) return
      const gone = once(forked, 'exit')
      forked.disconnect()
      await gone
    },
  }
}

/** The child's side: says that it is ready and answers what it is asked, until its parent is gone. */
export function answering(answer: (question: any) => Promise<unknown>): void {
  process.on('disconnect', () => process.exit(0))
  process.on('message', (question) => {
    answer(question).then(
      (found) => process.send!({ answer: found }),
      (error: unknown) => process.send!({ failure: error instanceof Error ? (error.stack ?? '') : String(error) }),
    )
  })
  process.send!('ready')
}
