import { useState } from 'react'
import { data, isRouteErrorResponse, Link, useLocation, useNavigate, useRevalidator } from 'react-router'
import { requireSession } from '../session/require-session.ts'
import { mutate, query } from '../api/api.ts'
import { ApiError, describeError } from '../api/errors.ts'
import { basket } from '../basket/basket.ts'
import { ProductPicture } from '../catalogue/product-picture.tsx'
import { useI18n } from '../i18n/i18n.tsx'
import { Button, ButtonLink } from '../ui/button.tsx'
import { ConfirmButton } from '../ui/confirm-button.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { Notice } from '../ui/notice.tsx'
import type { Route } from './+types/order.ts'
import { CancelOrderDocument } from './gen/cancel-order.ts'
import { OrderDocument, type OrderQuery } from './gen/order.ts'
import { StatusBadge } from './status-badge.tsx'
import { StatusTimeline } from './status-timeline.tsx'
import { useLiveOrder } from './use-live-order.ts'

export type Order = NonNullable<OrderQuery['order']>

export async function clientLoader({ request, params: { id } }: Route.ClientLoaderArgs) {
  await requireSession(request)
  const { order } = await query(OrderDocument, { id }, 'network-only').catch((error: unknown) => {
    if (error instanceof ApiError && error.code === 'NOT_FOUND') throw data(null, { status: 404 })
    throw error
  })
  if (order === null) throw data(null, { status: 404 })
  return order
}

/** A customer's order: its status as it changes, its items, and the e-mails about it. */
export default function OrderPage({ loaderData }: Route.ComponentProps) {
  const { messages, formats, href } = useI18n()
  const { state } = useLocation()
  const navigate = useNavigate()
  const order = useLiveOrder(loaderData)
  const { number, createdAt, status, statusHistory, items, total, notifications } = order
  const texts = messages.order
  const buyAgain = (): void => {
    for (const { productId, quantity, price, product } of items)
      if (product?.archived !== true) basket.add({ productId, quantity, price })
    void navigate(href('/basket'))
  }
  return (
    <>
      <title>{`${texts.title(number)} · Halles`}</title>
      {(state as { placed?: boolean } | null)?.placed === true && (
        <div className="mb-6">
          <Notice tone="ok" title={texts.placed}>
            {texts.placedText}
          </Notice>
        </div>
      )}
      <div className="flex flex-wrap items-center justify-between gap-3">
        <div>
          <h1 className="font-display text-3xl font-bold sm:text-4xl">{texts.title(number)}</h1>
          <p className="mt-1 text-muted">{texts.placedOn(formats.dateTime(createdAt))}</p>
        </div>
        <div aria-live="polite">
          <StatusBadge status={status} />
        </div>
      </div>
      <div className="mt-8 grid gap-8 lg:grid-cols-[1fr_20rem]">
        <div className="flex flex-col gap-8">
          <section aria-labelledby="history">
            <h2 id="history" className="mb-3 text-xl font-bold">
              {texts.history}
            </h2>
            <StatusTimeline status={status} history={statusHistory} />
          </section>
          <section aria-labelledby="items">
            <h2 id="items" className="mb-3 text-xl font-bold">
              {texts.items}
            </h2>
            <ul className="divide-y divide-line rounded-card border border-line bg-surface">
              {items.map(({ productId, name, quantity, price, product }) => (
                <li key={productId} className="flex items-center gap-4 p-3">
                  <ProductPicture image={product?.image ?? null} sizes="4rem" className="size-16 shrink-0 rounded-xl" />
                  <div className="min-w-0 flex-1">
                    <p className="font-medium [overflow-wrap:anywhere]" dir="auto">
                      {product?.archived === false ? (
                        <Link className="hover:underline" to={href(`/products/${productId}`)}>
                          {name}
                        </Link>
                      ) : (
                        name
                      )}
                    </p>
                    <p className="text-sm text-muted">{texts.quantity(quantity, formats.money(price))}</p>
                  </div>
                  <p className="font-semibold tabular-nums">
                    {formats.money((Math.round(price * 100) * quantity) / 100)}
                  </p>
                </li>
              ))}
            </ul>
          </section>
        </div>
        <aside className="flex flex-col gap-6">
          <div className="rounded-card border border-line bg-surface p-5">
            <dl className="flex items-baseline justify-between text-xl font-bold">
              <dt>{texts.total}</dt>
              <dd className="tabular-nums">{formats.money(total)}</dd>
            </dl>
            <div className="mt-5 flex flex-col gap-3">
              <Button look="secondary" onClick={buyAgain}>
                {texts.again}
              </Button>
              {(status === 'RECUE' || status === 'CONFIRMEE') && <CancelButton id={order.id} />}
            </div>
          </div>
          <Emails notifications={notifications} />
        </aside>
      </div>
    </>
  )
}

function Emails({ notifications }: Pick<Order, 'notifications'>) {
  const { messages, formats } = useI18n()
  const texts = messages.order
  return (
    <section aria-labelledby="emails" className="rounded-card border border-line bg-surface p-5">
      <h2 id="emails" className="mb-3 text-xl font-bold">
        {texts.emails}
      </h2>
      {notifications === null ? (
        <p className="text-muted">{texts.emailsUnavailable}</p>
      ) : notifications.length === 0 ? (
        <p className="text-muted">{texts.noEmails}</p>
      ) : (
        <ul className="flex flex-col gap-3">
          {notifications.map(({ id, subject, status, sentAt, createdAt }) => (
            <li key={id}>
              <p className="font-medium">{subject}</p>
              <p className="text-sm text-muted">
                {texts.emailStatuses[status]}
                {' · '}
                {formats.dateTime(sentAt ?? createdAt)}
              </p>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function CancelButton({ id }: { id: string }) {
  const { messages } = useI18n()
  const { revalidate } = useRevalidator()
  const [error, setError] = useState<unknown>()
  const texts = messages.order
  const cancel = async (): Promise<void> => {
    try {
      await mutate(CancelOrderDocument, { id })
      setError(undefined)
    } catch (cause) {
      setError(cause)
    }
    await revalidate()
  }
  return (
    <>
      {error !== undefined && <Notice tone="danger" title={describeError(error, messages)} />}
      <ConfirmButton
        label={texts.cancel}
        title={texts.cancelTitle}
        text={texts.cancelText}
        keep={texts.keep}
        onConfirm={() => void cancel()}
      />
    </>
  )
}

export function ErrorBoundary({ error }: Route.ErrorBoundaryProps) {
  const { messages, href } = useI18n()
  if (!isRouteErrorResponse(error) || error.status !== 404) throw error
  return (
    <>
      <title>{`${messages.order.notFoundTitle} · Halles`}</title>
      <EmptyState title={messages.order.notFoundTitle} text={messages.order.notFoundText}>
        <ButtonLink to={href('/orders')}>{messages.nav.orders}</ButtonLink>
      </EmptyState>
    </>
  )
}
