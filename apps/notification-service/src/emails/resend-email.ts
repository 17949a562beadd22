import { requireAdmin, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { DeliveryWorker } from './delivery-worker.ts'
import type { Email } from './email.ts'
import type { EmailStore } from './emails.ts'

type Deps = { emails: Pick<EmailStore, 'resend'>; worker: Pick<DeliveryWorker, 'wake'>; now?: () => Date }

/**
 * Schedules an e-mail to be sent again to the same address: with a Message-ID of its own when it was sent or given up; a
 * pending one is just attempted now. It returns before the attempt.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN` for all but admins, `NOT_FOUND`.
 */
export async function resendEmail(
  { emails, worker, now = () => new Date() }: Deps,
  actor: Principal | undefined,
  id: string,
): Promise<Email> {
  requireAdmin(actor)
  const email = await emails.resend(id, now())
  if (!email) throw new AppError('NOT_FOUND', 'There is no such notification.')
  worker.wake()
  return email
}
