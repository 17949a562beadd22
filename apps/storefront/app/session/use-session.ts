import { useEffect, useSyncExternalStore } from 'react'
import { session, type SessionState } from './session.ts'

const unknown: SessionState = { status: 'unknown' }

/** The state of the session; `unknown` on the server and until the browser has asked. */
export function useSession(): SessionState {
  const state = useSyncExternalStore(session.subscribe, session.state, () => unknown)
  useEffect(() => {
    session.ready().catch(() => undefined) // pages that need it show the error
  }, [])
  return state
}
