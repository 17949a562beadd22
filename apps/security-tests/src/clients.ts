import { Client, credentials, Metadata, status as grpcStatus } from '@grpc/grpc-js'
import { isErrorCode, errorCodes, type ErrorCode } from '@halles/errors/app-error'

/** A response. `outcome` is `ok`, an error code of the contract, or a few words for anything else. */
export type ClientResponse = { outcome: string; status: number; text: string; headers: Headers }

/** Timeout of a request, in milliseconds. */
const TIMEOUT = 30_000

export type RestRequest = { method?: string; path: string; body?: unknown; headers?: Record<string, string> }

/**
 * Sends a REST request to a service, or to the gateway with a path below /api. A body that is text or bytes is sent as it is. Of an event
 * stream, the text is the data of the first event.
 */
export async function sendRest(
  baseUrl: string,
  { method = 'GET', path, body, headers = {} }: RestRequest,
): Promise<ClientResponse> {
  const response = await fetch(`${baseUrl}${path}`, {
    method,
    redirect: 'manual',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && {
      body: typeof body === 'string' || Buffer.isBuffer(body) ? (body as string) : JSON.stringify(body),
    }),
    signal: AbortSignal.timeout(TIMEOUT),
  })
  const isEventStream = response.headers.get('content-type')?.startsWith('text/event-stream')
  const text = isEventStream ? await readFirstEvent(response.body!) : await response.text()
  return { outcome: toOutcome(response.status, text), status: response.status, text, headers: response.headers }
}

async function readFirstEvent(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let received = ''
  for await (const chunk of body) {
    received += decoder.decode(chunk, { stream: true })
    const data = /^data: (.*)\n\n/m.exec(received)?.[1]
    if (data !== undefined) return data // this also closes the connection
  }
  return ''
}

/** Sends a GraphQL operation, a subscription as an event stream. The outcome is `ok` only without errors. */
export async function sendGraphql(
  baseUrl: string,
  { query, variables, headers = {} }: { query: string; variables?: object; headers?: Record<string, string> },
): Promise<ClientResponse> {
  const accept: Record<string, string> = query.startsWith('subscription') ? { accept: 'text/event-stream' } : {}
  return sendRest(baseUrl, {
    method: 'POST',
    path: '/graphql',
    body: { query, variables },
    headers: { ...headers, ...accept },
  })
}

function toOutcome(status: number, text: string): string {
  const body = parseJson(text)
  const code = body?.code ?? body?.errors?.[0]?.extensions?.code
  if (isErrorCode(code)) return code
  if (body?.errors?.length) return 'an error without a code'
  return status < 400 ? 'ok' : `HTTP ${status}`
}

/** The parsed text, or undefined if it is not JSON. */
export function parseJson(text: string): any {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Treats a closed connection as an outcome: a server may close it while the client still sends a body that is too large. */
export async function orConnectionClosed<R extends { outcome: string }>(
  response: Promise<R>,
): Promise<{ outcome: string }> {
  try {
    return await response
  } catch (error) {
    if (error instanceof TypeError && error.message === 'fetch failed') return { outcome: 'connection closed' }
    throw error
  }
}

/**
 * Calls a gRPC method with an encoded message, so that malformed messages can be sent too.
 *
 * @param method `package.Service/Method`
 * @param options.stream whether the method streams: the outcome is then that of the first response message
 */
export function callGrpc(
  address: string,
  method: string,
  message: Uint8Array,
  { metadata = {}, stream = false }: { metadata?: Record<string, string>; stream?: boolean } = {},
): Promise<{ outcome: string; details: string }> {
  const client = new Client(address, credentials.createInsecure())
  const callMetadata = new Metadata()
  for (const [key, value] of Object.entries(metadata)) callMetadata.set(key, value)
  const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes)
  return new Promise<{ outcome: string; details: string }>((resolve) => {
    const onResult = (error: { code: number; details: string } | null): void =>
      resolve({ outcome: error ? toErrorCode(error.code) : 'ok', details: error?.details ?? '' })
    const options = { deadline: Date.now() + TIMEOUT }
    if (!stream)
      return void client.makeUnaryRequest(
        `/${method}`,
        toBuffer,
        toBuffer,
        toBuffer(message),
        callMetadata,
        options,
        onResult,
      )
    const call = client.makeBidiStreamRequest(`/${method}`, toBuffer, toBuffer, callMetadata, options)
    call.on('data', () => {
      onResult(null)
      call.cancel()
    })
    call.on('error', onResult)
    call.write(toBuffer(message))
    call.end()
  }).finally(() => client.close())
}

/** The first of the shop's error codes with this gRPC status, or the name of the status. */
function toErrorCode(status: number): string {
  const found = Object.entries(errorCodes).find(([, { grpc }]) => grpc === status)?.[0] as ErrorCode | undefined
  return found ?? grpcStatus[status] ?? String(status)
}
