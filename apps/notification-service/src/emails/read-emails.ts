import { requirePrincipal, type Principal } from '@halles/auth/principal'
import type { Page } from '@halles/validation/page'
import { AppError } from '@halles/errors/app-error'
import { ClosedObject, PageQuery } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'
import { emailStatuses, ownerScope, type Email } from './email.ts'
import type { EmailStore } from './emails.ts'

/** The most users whose e-mails one list contains. */
export const MAX_USERS = 20

/** The conditions on e-mails except `userIds`, which REST and GraphQL write differently. */
export const emailsConditions = {
  orderId: Type.Optional(Type.String({ maxLength: 200, description: 'Only notifications about this order' })),
  status: Type.Optional(Type.Enum([...emailStatuses])),
}

export const EmailsQuery = ClosedObject({
  ...emailsConditions,
  userIds: Type.Optional(Type.Array(Type.String({ maxLength: 200 }), { maxItems: MAX_USERS })),
  ...PageQuery,
})
export type EmailsQuery = Static<typeof EmailsQuery>

/**
 * Returns a page of the e-mails that match every condition, newest first: everyone's for an admin, else the principal's own.
 * MongoDB works on it for 3 s at most.
 *
 * @throws AppError `UNAUTHENTICATED`; `VALIDATION_FAILED` for a cursor of another list; `TIMEOUT`.
 */
export async function listEmails(
  { emails }: { emails: Pick<EmailStore, 'findPage'> },
  principal: Principal | undefined,
  { orderId, status, userIds, first, after }: EmailsQuery,
): Promise<Page<Email>> {
  const owner = ownerScope(requirePrincipal(principal))
  return emails.findPage({ owner, orderId, status, userIds }, { first, after })
}

/**
 * Returns the e-mails with these ids, in this order, with a `NOT_FOUND` error in place of each that does not exist or that
 * the principal must not see.
 *
 * @throws AppError `UNAUTHENTICATED`.
 */
export async function findEmailsById(
  { emails }: { emails: Pick<EmailStore, 'findByIds'> },
  principal: Principal | undefined,
  ids: string[],
): Promise<(Email | AppError)[]> {
  const found = await emails.findByIds(ids, ownerScope(requirePrincipal(principal)))
  const byId = new Map(found.map((email) => [email.id, email]))
  return ids.map((id) => byId.get(id) ?? new AppError('NOT_FOUND', 'There is no such notification.'))
}

/**
 * Returns for each order, in this order, the e-mails about it that the principal may see, oldest first: none for the order
 * of another customer.
 *
 * @throws AppError `UNAUTHENTICATED`.
 */
export async function findEmailsByOrder(
  { emails }: { emails: Pick<EmailStore, 'findByOrders'> },
  principal: Principal | undefined,
  orderIds: string[],
): Promise<Email[][]> {
  const found = await emails.findByOrders([...new Set(orderIds)], ownerScope(requirePrincipal(principal)))
  const byOrder = Map.groupBy(found, ({ orderId }) => orderId)
  return orderIds.map((id) => byOrder.get(id) ?? [])
}
