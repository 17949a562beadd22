import { useState } from 'react'

/** Runs an action of a button, and says how it ended. */
export function useAction(run: () => Promise<unknown>) {
  const [state, setState] = useState<{ done: boolean; error?: unknown }>({ done: false })
  const start = (): void => {
    run().then(
      () => setState({ done: true }),
      (error: unknown) => setState({ done: false, error }),
    )
  }
  return { ...state, start }
}
