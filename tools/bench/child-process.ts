import { fork } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import path from 'node:path'

/** A child process of the benchmark that handles one request at a time. */
export type Child<Request, Response> = {
  pid: number
  request: (message: Request) => Promise<Response>
  stop: () => Promise<void>
}

type Reply<Response> = { result: Response } | { failure: string }

/**
 * Starts a file of this folder as a child process and resolves when it is ready. It exits with this process.
 *
 * @param flags further flags of Node
 * @param args the arguments in its `process.argv`
 * @param log a file for its output; by default the terminal
 */
export async function startChild<Request, Response>(
  file: string,
  { args = [], flags = [], log }: { args?: string[]; flags?: string[]; log?: string } = {},
): Promise<Child<Request, Response>> {
  const output = log === undefined ? 'inherit' : openSync(log, 'a')
  const forked = fork(path.join(import.meta.dirname, file), args, {
    execArgv: ['--conditions=development', '--disable-warning=TimeoutNegativeWarning', ...flags],
    serialization: 'advanced',
    stdio: ['ignore', output, output, 'ipc'],
  })
  const nextMessage = async (): Promise<unknown> => {
    const settled = new AbortController()
    try {
      return await Promise.race([
        once(forked, 'message', settled).then(([message]) => message as unknown),
        once(forked, 'exit', settled).then(([code]) => {
          throw new Error(`${file} exited (${code}) instead of answering`)
        }),
      ])
    } finally {
      settled.abort()
    }
  }
  await nextMessage()
  return {
    pid: forked.pid!,
    request: async (message) => {
      const reply = nextMessage()
      forked.send(message as object)
      const received = (await reply) as Reply<Response>
      if ('failure' in received) throw new Error(`${file}: ${received.failure}`)
      return received.result
    },
    stop: async () => {
      if (forked.exitCode !== null) return
      const exited = once(forked, 'exit')
      forked.disconnect()
      await exited
    },
  }
}

/** Runs in the child: reports that it is ready and handles requests until its parent disconnects. */
export function serveParent(handle: (request: any) => Promise<unknown>): void {
  process.on('disconnect', () => process.exit(0))
  process.on('message', (request) => {
    handle(request).then(
      (result) => process.send!({ result }),
      (error: unknown) => process.send!({ failure: error instanceof Error ? (error.stack ?? '') : String(error) }),
    )
  })
  process.send!('ready')
}
