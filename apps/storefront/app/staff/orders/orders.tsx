import { useState } from 'react'
import { useSearchParams } from 'react-router'
import { query } from '../../api/api.ts'
import { EmptyState } from '../../ui/empty-state.tsx'
import { Notice } from '../../ui/notice.tsx'
import { findCustomers } from '../find-customers.ts'
import { Count, PageHeading, Pager, Tabs, withParams } from '../list.tsx'
import { requireStaff } from '../require-staff.ts'
import { useStaffMessages } from '../staff-i18n.ts'
import type { Route } from './+types/orders.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { BulkSteps } from './bulk-steps.tsx'
import { StaffOrdersDocument } from './gen/staff-orders.ts'
import { OrdersFilterForm } from './orders-filter-form.tsx'
import { readFilter, readNumber, statuses } from './orders-query.ts'
import { OrdersTable } from './orders-table.tsx'

/** Orders on a page: as many as can be changed at once. */
const PAGE_SIZE = 25

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  await requireStaff(request)
  const { q, status, from, to, overdue, after } = readFilter(new URL(request.url).searchParams)
  const number = readNumber(q)
  const customers = number === undefined ? await findCustomers(q) : undefined
  const { orders } = await query(
    StaffOrdersDocument,
    {
      first: PAGE_SIZE,
      after,
      ...(status !== undefined && { status }),
      ...(number !== undefined && { number }),
      ...(customers !== undefined && { userIds: customers.ids }),
      ...(from !== '' && { from }),
      ...(to !== '' && { to }),
      ...(overdue && { overdue }),
    },
    'network-only',
  )
  return { orders, hasAllCustomers: customers?.isComplete ?? true }
}

/** The orders of all customers: filters in the URL, and the next step of many orders at once. */
export default function Orders({ loaderData: { orders, hasAllCustomers } }: Route.ComponentProps) {
  const { messages } = useI18n()
  const { orders: texts } = useStaffMessages()
  const [params] = useSearchParams()
  const filter = readFilter(params)
  // Only orders that are shown are selected, whatever was chosen before the list changed.
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const selected = orders.nodes.filter(({ id }) => chosen.has(id))
  return (
    <>
      <PageHeading title={texts.title}>
        <p className="text-muted" role="status">
          <Count count={orders.totalCount} isExact={orders.totalCountIsExact} word={texts.word} />
        </p>
      </PageHeading>
      <div className="mt-5 flex flex-col gap-4">
        <OrdersFilterForm filter={filter} />
        <Tabs
          label={texts.statuses}
          tabs={[
            {
              name: texts.all,
              search: withParams(params, { status: '', overdue: '' }),
              isCurrent: filter.status === undefined && !filter.overdue,
            },
            {
              name: texts.overdue,
              search: withParams(params, { status: '', overdue: 'true' }),
              isCurrent: filter.status === undefined && filter.overdue,
            },
            ...statuses.map((status) => ({
              name:
                filter.overdue && filter.status === status
                  ? `${messages.order.statuses[status]} · ${texts.overdue}`
                  : messages.order.statuses[status],
              search: withParams(params, { status, overdue: '' }),
              isCurrent: filter.status === status,
            })),
          ]}
        />
        {!hasAllCustomers && <Notice tone="warn" title={texts.tooManyCustomers} />}
        <BulkSteps selected={selected} onDone={() => setChosen(new Set())}>
          {orders.nodes.length === 0 ? (
            <EmptyState title={texts.emptyTitle} text={texts.emptyText} heading="h2" />
          ) : (
            <OrdersTable orders={orders.nodes} selected={selected} onSelect={setChosen} />
          )}
        </BulkSteps>
      </div>
      <Pager pageInfo={orders.pageInfo} />
    </>
  )
}
