import { useEffect, useState } from 'react'

/**
 * The token of a link in an e-mail, which stands behind `#token=`: a browser does not send that part to any server. It is
 * removed from the address at once, so that it is in no history.
 * @returns null when the address has none; undefined until the page runs in the browser
 */
export function useLinkToken(): string | null | undefined {
  const [token, setToken] = useState<string | null>()
  useEffect(() => {
    const found = new URLSearchParams(location.hash.slice(1)).get('token')
    setToken((known) => known ?? found)
    if (found !== null) history.replaceState(history.state, '', location.pathname + location.search)
  }, [])
  return token
}
