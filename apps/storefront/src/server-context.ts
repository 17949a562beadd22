/** What the server passes to the loaders of the pages, for each request. */
export type ServerContext = {
  /** The URL of the gateway's GraphQL endpoint. */
  graphqlUrl: string
  /** Headers of every request to the gateway: the visitor's address, and the trace. */
  headers: Readonly<Record<string, string>>
  /** The origin of the shop as visitors see it: https://shop.example */
  origin: string
  /** The nonce of the scripts of this page (Content-Security-Policy). */
  nonce: string
  /** Aborted when the visitor has gone, or the page takes too long. */
  signal: AbortSignal
}
