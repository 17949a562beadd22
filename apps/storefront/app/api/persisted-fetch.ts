/** Ids by operation text: the texts of a build are few. */
const ids = new Map<string, Promise<string>>()

/** The document id of an operation, as the gateway's list has it: `sha256:` and the hash of its text in hex. */
function documentIdOf(text: string): Promise<string> {
  let id = ids.get(text)
  if (id === undefined) {
    id = crypto.subtle
      .digest('SHA-256', new TextEncoder().encode(text))
      .then((hash) => `sha256:${[...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`)
    ids.set(text, id)
  }
  return id
}

/**
 * A `fetch` for GraphQL requests that sends the id of the operation in place of its text. A gateway that does not know the id,
 * because it is older than these pages, has done nothing: it gets the text then. Without Web Crypto, which browsers have on
 * https and on this machine's own address only, the text is sent at once.
 *
 * @param send sends a request
 */
export function createPersistedFetch(send: typeof fetch): typeof fetch {
  return async (input, init) => {
    if (typeof init?.body !== 'string' || globalThis.crypto?.subtle === undefined) return send(input, init)
    const { query, ...rest } = JSON.parse(init.body) as { query: string }
    const documentId = await documentIdOf(query)
    const response = await send(input, { ...init, body: JSON.stringify({ documentId, ...rest }) })
    return response.status === 404 ? send(input, init) : response
  }
}
