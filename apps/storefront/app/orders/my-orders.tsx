import { Link, useSearchParams } from 'react-router'
import { requireSession } from '../session/require-session.ts'
import { query } from '../api/api.ts'
import { ApiError } from '../api/errors.ts'
import type { OrderStatus } from '../gen/schema.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { ButtonLink } from '../ui/button.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import type { Route } from './+types/my-orders.ts'
import { MyOrdersDocument } from './gen/my-orders.ts'
import { StatusBadge } from './status-badge.tsx'

const statuses = ['RECUE', 'CONFIRMEE', 'PREPAREE', 'LIVREE', 'ANNULEE'] as const satisfies OrderStatus[]

const readStatus = (params: URLSearchParams): OrderStatus | null =>
  statuses.find((status) => status === params.get('status')) ?? null

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  await requireSession(request)
  const params = new URL(request.url).searchParams
  const variables = { status: readStatus(params), first: 20, after: params.get('after') }
  const { me } = await query(MyOrdersDocument, variables, 'network-only')
  if (!me?.orders) throw new ApiError('UNAVAILABLE', 'order-service did not answer.')
  return me.orders
}

export default function MyOrders({ loaderData: { nodes, pageInfo } }: Route.ComponentProps) {
  const { messages, formats, href } = useI18n()
  const [params] = useSearchParams()
  const status = readStatus(params)
  const texts = messages.order
  const older = new URLSearchParams(params)
  older.set('after', pageInfo.endCursor ?? '')
  return (
    <>
      <title>{`${texts.listTitle} · Halles`}</title>
      <h1 className="font-display text-3xl font-bold sm:text-4xl">{texts.listTitle}</h1>
      <nav aria-label={texts.status} className="-mx-4 mt-5 flex gap-2 overflow-x-auto px-4 py-1">
        {[null, ...statuses].map((one) => (
          <Link
            key={one ?? 'all'}
            to={one === null ? '?' : `?status=${one}`}
            aria-current={one === status ? 'page' : undefined}
            className={`inline-flex min-h-11 shrink-0 items-center rounded-full border px-4 font-medium ${one === status ? 'border-brand bg-brand text-on-brand' : 'border-control bg-surface hover:bg-sunken'}`}
          >
            {one === null ? texts.all : texts.statuses[one]}
          </Link>
        ))}
      </nav>
      {nodes.length === 0 ? (
        <EmptyState title={texts.emptyTitle} text={texts.emptyText} heading="h2">
          <ButtonLink to={href('/products')}>{messages.home.browse}</ButtonLink>
        </EmptyState>
      ) : (
        <ul className="mt-6 flex flex-col gap-3">
          {nodes.map(({ id, number, status: state, total, createdAt, items }) => (
            <li key={id} className="relative rounded-card border border-line bg-surface p-4 hover:border-brand">
              <div className="flex flex-wrap items-center justify-between gap-2">
                <h2 className="font-semibold">
                  <Link to={href(`/orders/${id}`)} prefetch="intent" className="after:absolute after:inset-0">
                    {texts.title(number)}
                  </Link>
                </h2>
                <StatusBadge status={state} />
              </div>
              <div className="mt-1 flex flex-wrap justify-between gap-2 text-muted">
                <p>
                  {texts.placedOn(formats.date(createdAt))}
                  {' · '}
                  {texts.itemCount(items.reduce((count, { quantity }) => count + quantity, 0))}
                </p>
                <p className="font-bold tabular-nums text-ink">{formats.money(total)}</p>
              </div>
              <p className="mt-1 truncate text-sm text-muted" dir="auto">
                {items.map(({ name }) => name).join(', ')}
              </p>
            </li>
          ))}
        </ul>
      )}
      {pageInfo.hasNextPage && (
        <div className="mt-6 flex justify-center">
          <ButtonLink look="secondary" to={{ search: older.toString() }}>
            {texts.more}
          </ButtonLink>
        </div>
      )}
    </>
  )
}
