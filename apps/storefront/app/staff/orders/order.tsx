import { useState } from 'react'
import { data, Link, useRevalidator } from 'react-router'
import { mutate, query } from '../../api/api.ts'
import { ApiError, describeError } from '../../api/errors.ts'
import { ProductPicture } from '../../catalogue/product-picture.tsx'
import type { OrderStatus } from '../../gen/schema.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { StatusBadge } from '../../orders/status-badge.tsx'
import { StatusTimeline } from '../../orders/status-timeline.tsx'
import { useSession } from '../../session/use-session.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmButton } from '../../ui/confirm-button.tsx'
import { Notice } from '../../ui/notice.tsx'
import { EmailDetails } from '../emails/email-details.tsx'
import { ResendButton } from '../emails/resend-button.tsx'
import { card, PageHeading, withParams } from '../list.tsx'
import { requireStaff } from '../require-staff.ts'
import { useStaffMessages } from '../staff-i18n.ts'
import { usePolling } from '../use-polling.ts'
import type { Route } from './+types/order.ts'
import { CustomerName } from './customer-name.tsx'
import { ChangeOrderStatusDocument } from './gen/change-order-status.ts'
import { StaffOrderDocument, type StaffOrderQuery } from './gen/staff-order.ts'
import { stepAfter } from './orders-query.ts'

type Order = NonNullable<StaffOrderQuery['order']>

export async function clientLoader({ request, params: { id } }: Route.ClientLoaderArgs) {
  await requireStaff(request)
  const { order } = await query(StaffOrderDocument, { id }, 'network-only').catch((error: unknown) => {
    if (error instanceof ApiError && error.code === 'NOT_FOUND') throw data(null, { status: 404 })
    throw error
  })
  if (order === null) throw data(null, { status: 404 })
  return order
}

/** An order as the staff sees it: its next steps, who changed it and when, its customer, and the e-mails about it. */
export default function StaffOrder({ loaderData: order }: Route.ComponentProps) {
  const { messages, formats, href } = useI18n()
  const { orders: texts } = useStaffMessages()
  const { number, createdAt, status, statusHistory, items, total, customer, userId, notifications } = order
  const session = useSession()
  const ownId = session.status === 'signed-in' ? session.user.id : undefined
  const isOpen = stepAfter(status) !== undefined
  usePolling(isOpen || (notifications?.some((email) => email.status === 'PENDING') ?? false), 5000)

  const nameOf = (by: Order['statusHistory'][number]['changedBy']): string | undefined => {
    if (by === null) return undefined
    if (by.id === ownId) return texts.byYou
    if (by.id === userId) return texts.byCustomer
    return by.name === '' ? texts.byDeleted : texts.by(by.name)
  }
  return (
    <>
      <Link to={href('/staff/orders')} className="inline-flex min-h-11 items-center text-brand underline">
        {texts.back}
      </Link>
      <PageHeading title={messages.order.title(number)}>
        <div aria-live="polite">
          <StatusBadge status={status} />
        </div>
      </PageHeading>
      <p className="mt-1 text-muted">{messages.order.placedOn(formats.dateTime(createdAt))}</p>
      <div className="mt-6 grid items-start gap-6 lg:grid-cols-[1fr_22rem]">
        <aside className="flex flex-col gap-6 lg:order-last">
          <NextStep order={order} />
          <section aria-labelledby="customer" className={`${card} p-5`}>
            <h2 id="customer" className="mb-2 text-xl font-bold">
              {texts.customer}
            </h2>
            <CustomerName customer={customer} />
            {customer !== null && customer.email !== '' && (
              <Link
                to={{
                  pathname: href('/staff/orders'),
                  search: withParams(new URLSearchParams(), { q: customer.email }),
                }}
                className="mt-1 inline-flex min-h-11 items-center text-brand underline"
              >
                {texts.customerOrders}
              </Link>
            )}
          </section>
          <section aria-labelledby="history" className={`${card} p-5`}>
            <h2 id="history" className="mb-3 text-xl font-bold">
              {texts.history}
            </h2>
            <StatusTimeline
              status={status}
              history={statusHistory.map((change) => ({ ...change, by: nameOf(change.changedBy) }))}
            />
          </section>
        </aside>
        <div className="flex min-w-0 flex-col gap-6">
          <Items items={items} total={total} />
          <Emails notifications={notifications} />
        </div>
      </div>
    </>
  )
}

/** The changes of status that are possible now. What somebody else changed meanwhile is shown, and said. */
function NextStep({ order: { id, status } }: { order: Order }) {
  const { messages } = useI18n()
  const { orders: texts } = useStaffMessages()
  const { revalidate } = useRevalidator()
  const [sending, setSending] = useState(false)
  const [error, setError] = useState<unknown>()
  const [done, setDone] = useState<OrderStatus>()
  const step = stepAfter(status)

  const change = async (to: OrderStatus): Promise<void> => {
    setSending(true)
    setDone(undefined)
    try {
      await mutate(ChangeOrderStatusDocument, { id, status: to })
      setError(undefined)
      setDone(to)
    } catch (cause) {
      setError(cause)
    }
    setSending(false)
    await revalidate()
  }
  return (
    <section aria-labelledby="next" className={`${card} flex flex-col gap-3 p-5`}>
      <h2 id="next" className="text-xl font-bold">
        {texts.next}
      </h2>
      {error !== undefined && <Notice tone="danger" title={describeError(error, messages)} />}
      <div role="status" className={done === undefined ? 'sr-only' : undefined}>
        {done !== undefined && <p className="font-medium text-ok">{texts.done(messages.order.statuses[done])}</p>}
      </div>
      {step === undefined ? (
        <p className="text-muted">{texts.final}</p>
      ) : (
        <>
          <Button disabled={sending} onClick={() => void change(step)}>
            {texts.steps[step]}
          </Button>
          <ConfirmButton
            label={messages.order.cancel}
            title={texts.cancelTitle}
            text={messages.order.cancelText}
            keep={messages.order.keep}
            disabled={sending}
            onConfirm={() => void change('ANNULEE')}
          />
        </>
      )}
    </section>
  )
}

function Items({ items, total }: Pick<Order, 'items' | 'total'>) {
  const { messages, formats } = useI18n()
  const texts = messages.order
  return (
    <section aria-labelledby="items" className={`${card} p-5`}>
      <h2 id="items" className="mb-2 text-xl font-bold">
        {texts.items}
      </h2>
      <ul className="divide-y divide-line">
        {items.map(({ productId, name, quantity, price, product }) => (
          <li key={productId} className="flex items-center gap-4 py-3">
            <ProductPicture image={product?.image ?? null} className="size-12 shrink-0 rounded-xl" />
            <div className="min-w-0 flex-1">
              <p className="font-medium [overflow-wrap:anywhere]" dir="auto">
                {name}
              </p>
              <p className="text-sm text-muted">
                {texts.quantity(quantity, formats.money(price))}
                {product?.archived === true && ` · ${texts.archived}`}
              </p>
            </div>
            <p className="font-semibold tabular-nums">{formats.money((Math.round(price * 100) * quantity) / 100)}</p>
          </li>
        ))}
      </ul>
      <p className="flex justify-between border-t border-line pt-3 text-lg font-bold">
        <span>{texts.total}</span>
        <span className="tabular-nums">{formats.money(total)}</span>
      </p>
    </section>
  )
}

function Emails({ notifications }: Pick<Order, 'notifications'>) {
  const { messages } = useI18n()
  const texts = messages.order
  return (
    <section aria-labelledby="emails" className={`${card} p-5`}>
      <h2 id="emails" className="mb-2 text-xl font-bold">
        {texts.emails}
      </h2>
      {notifications === null ? (
        <p className="text-muted">{texts.emailsUnavailable}</p>
      ) : notifications.length === 0 ? (
        <p className="text-muted">{texts.noEmails}</p>
      ) : (
        <ul className="divide-y divide-line">
          {notifications.map((email) => (
            <li key={email.id} className="flex flex-wrap items-center gap-x-6 gap-y-3 py-3">
              <EmailDetails email={email} />
              <ResendButton id={email.id} subject={email.subject} status={email.status} />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
