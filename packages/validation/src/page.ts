import { createHash } from 'node:crypto'
import { Type, type TSchema } from 'typebox'
import { AppError } from '@halles/errors/app-error'

/** Pagination arguments; `first` is 1 to 100. */
export type PageArgs = { first: number; after?: string | undefined }

/** A page of a list; `cursors` has one cursor for each item. */
export type Page<T> = {
  items: T[]
  cursors: string[]
  hasNextPage: boolean
  totalCount: number
  totalCountIsExact: boolean
}

/** The largest exact total count; a longer list is counted up to here. */
export const MAX_TOTAL_COUNT = 10_000

/** The schema of a page in REST responses. */
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

/** Converts a page to its REST response; `view` converts each item. */
export const toPageView = <T, V>(page: Page<T>, view: (item: T) => V) => ({
  items: page.items.map(view),
  pageInfo: pageInfo(page),
  totalCount: page.totalCount,
  totalCountIsExact: page.totalCountIsExact,
})

/** Converts a page to a GraphQL connection (Relay's cursor connections). */
export const toConnection = <T>(page: Page<T>) => ({
  edges: page.items.map((node, i) => ({ node, cursor: page.cursors[i]! })),
  nodes: page.items,
  pageInfo: pageInfo(page),
  totalCount: page.totalCount,
  totalCountIsExact: page.totalCountIsExact,
})

/** A position in a list: the values of the sort keys of one item, its id last. */
export type CursorPosition = (string | number)[]

/**
 * Creates the codec of cursors that are bound to one list. A cursor is opaque to clients: base64url of a digest of `list` and
 * of the position.
 *
 * `read` throws AppError `VALIDATION_FAILED` for a cursor of another list.
 *
 * @param list what identifies the list: its name, filter and sort
 * @param keys the number of values in a position
 */
export function createCursorCodec(
  list: unknown,
  keys: number,
): { write: (position: CursorPosition) => string; read: (cursor: string) => CursorPosition } {
  const digest = createHash('sha256').update(JSON.stringify(list)).digest('base64url').slice(0, 8)
  return {
    write: (position) => Buffer.from(JSON.stringify([digest, ...position])).toString('base64url'),
    read: (cursor) => {
      const [listDigest, ...position] = decode(cursor)
      const isPosition =
        position.length === keys && position.every((key) => typeof key === 'string' || typeof key === 'number')
      if (listDigest !== digest || !isPosition)
        throw new AppError(
          'VALIDATION_FAILED',
          'This cursor belongs to another list: keep filter and sort while paging.',
          {
            errors: [{ path: '/after', message: 'is not a cursor of this list' }],
          },
        )
      return position
    },
  }
}

function decode(cursor: string): unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    return Array.isArray(parts) ? parts : []
  } catch {
    return [] // `read` rejects it
  }
}
