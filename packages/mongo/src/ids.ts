import { v7 } from 'uuid'

/** Creates an id: a UUID version 7 (RFC 9562), so that ids sort by creation time. Clients treat ids as opaque. */
export const newId = (): string => v7()
