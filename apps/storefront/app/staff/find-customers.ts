import { query } from '../api/api.ts'
import { FindCustomersDocument } from './gen/find-customers.ts'

/** The most customers whose orders or e-mails one list has: a limit of the API. */
const MAX_CUSTOMERS = 20

/**
 * Finds customers by words of their name or address. Only auth-service knows these, so that lists of orders and e-mails are asked for
 * by the ids.
 *
 * @returns the ids, at most 20, and whether more customers fit; undefined for a blank text
 * @throws ApiError
 */
export async function findCustomers(text: string): Promise<{ ids: string[]; isComplete: boolean } | undefined> {
  if (text === '') return undefined
  const { users } = await query(FindCustomersDocument, { search: text, first: MAX_CUSTOMERS }, 'network-only')
  return { ids: users.nodes.map(({ id }) => id), isComplete: users.totalCount <= MAX_CUSTOMERS }
}
