import { useEffect, useRef, useState } from 'react'
import { useLinkToken } from './link-token.ts'

/** What became of a link in an e-mail: it was used, or the error. */
export type LinkState = { status: 'working' } | { status: 'done' } | { status: 'failed'; error?: unknown }

/**
 * Uses the link of an e-mail as soon as its page is open, once.
 * @param redeem gives the link's token to the API
 */
export function useLink(redeem: (token: string) => Promise<unknown>): LinkState {
  const token = useLinkToken()
  const [state, setState] = useState<LinkState>({ status: 'working' })
  const isRedeemed = useRef(false)
  useEffect(() => {
    if (token === undefined || isRedeemed.current) return
    isRedeemed.current = true
    if (token === null) setState({ status: 'failed' })
    else
      redeem(token).then(
        () => setState({ status: 'done' }),
        (error: unknown) => setState({ status: 'failed', error }),
      )
  }, [token, redeem])
  return state
}
