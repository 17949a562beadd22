import { createHash } from 'node:crypto'
import { Type, type TSchema } from 'typebox'
import { Refusal } from './refusal.ts'

/** What a list is asked for: `first` is 1 to 100. */
export type PageWish = { first: number; after?: string | undefined }

/** A part of a list, in order; `cursors` has one for each item. */
export type Page<T> = {
  items: T[]
  cursors: string[]
  hasNextPage: boolean
  totalCount: number
  totalCountIsExact: boolean
}

/** How far lists are counted. */
export const COUNTED = 10_000

/** A page as REST answers it. */
export const PageView = <T extends TSchema>(item: T, title: string) =>
  Type.Object(
    {
      items: Type.Array(item),
      pageInfo: Type.Object({ hasNextPage: Type.Boolean(), endCursor: Type.Union([Type.String(), Type.Null()]) }),
      totalCount: Type.Integer(),
      totalCountIsExact: Type.Boolean(),
    },
    { title },
  )

const pageInfo = (page: Page<unknown>) => ({ hasNextPage: page.hasNextPage, endCursor: page.cursors.at(-1) ?? null })

/** A page for REST, each item as `view` shows it. */
export const pageView = <T, V>(page: Page<T>, view: (item: T) => V) => ({
  items: page.items.map(view),
  pageInfo: pageInfo(page),
  totalCount: page.totalCount,
  totalCountIsExact: page.totalCountIsExact,
})

/** A page for GraphQL: a connection. */
export const connection = <T>(page: Page<T>) => ({
  edges: page.items.map((node, i) => ({ node, cursor: page.cursors[i]! })),
  nodes: page.items,
  pageInfo: pageInfo(page),
  totalCount: page.totalCount,
  totalCountIsExact: page.totalCountIsExact,
})

/** A place in a list: the values of its sort keys there, the id last. */
export type Place = (string | number)[]

/**
 * Cursors bound to one list: `list` is whatever tells this list from another (its name, filter and sort). Opaque to
 * clients: base64url of a digest and the place. `keys` is how many values a place has.
 *
 * `read` throws Refusal `VALIDATION_FAILED` for a cursor that is not of this list.
 */
export function cursorsOf(
  list: unknown,
  keys: number,
): { write: (place: Place) => string; read: (cursor: string) => Place } {
  const digest = createHash('sha256').update(JSON.stringify(list)).digest('base64url').slice(0, 8)
  return {
    write: (place) => Buffer.from(JSON.stringify([digest, ...place])).toString('base64url'),
    read: (cursor) => {
      const [of, ...place] = partsOf(cursor)
      const isPlace = place.length === keys && place.every((key) => typeof key === 'string' || typeof key === 'number')
      if (of !== digest || !isPlace)
        throw new Refusal('VALIDATION_FAILED', 'This cursor is not of this list: ask with the same filter and sort.', {
          errors: [{ path: '/after', message: 'is not a cursor of this list' }],
        })
      return place
    },
  }
}

function partsOf(cursor: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    return Array.isArray(parts) ? parts : []
  } catch {
    return [] // not ours, and refused as such
  }
}
