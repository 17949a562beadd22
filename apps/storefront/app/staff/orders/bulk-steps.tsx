import { useState, type ReactNode } from 'react'
import { Link, useRevalidator } from 'react-router'
import { mutate } from '../../api/api.ts'
import { describeError } from '../../api/errors.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { Button } from '../../ui/button.tsx'
import { Notice } from '../../ui/notice.tsx'
import { runAll, type Result } from '../run-all.ts'
import { useStaffMessages } from '../staff-i18n.ts'
import { ChangeOrderStatusDocument } from './gen/change-order-status.ts'
import { nextStatus, stepAfter, type ListedOrder, type Step } from './orders-query.ts'

const steps = Object.values(nextStatus)

type Props = {
  selected: readonly ListedOrder[]
  /** Called when the steps are made, whatever became of them. */
  onDone: () => void
  /** The list: the results stand above it, the buttons stay in view below. */
  children: ReactNode
}

/** Makes the next step of the selected orders, each by itself, and says what became of each. */
export function BulkSteps({ selected, onDone, children }: Props) {
  const { orders: texts } = useStaffMessages()
  const { revalidate } = useRevalidator()
  const [working, setWorking] = useState(false)
  const [results, setResults] = useState<Result<ListedOrder>[]>([])

  const make = async (step: Step): Promise<void> => {
    const orders = selected.filter(({ status }) => stepAfter(status) === step)
    setWorking(true)
    setResults(await runAll(orders, ({ id }) => mutate(ChangeOrderStatusDocument, { id, status: step })))
    setWorking(false)
    onDone()
    await revalidate()
  }
  const possible = steps
    .map((step) => ({ step, count: selected.filter(({ status }) => stepAfter(status) === step).length }))
    .filter(({ count }) => count > 0)
  return (
    <div className="flex flex-col gap-4">
      <div role="status" className="sr-only">
        {working && texts.working}
      </div>
      <Results results={results} />
      {children}
      {selected.length > 0 && (
        <section
          aria-label={texts.bulk}
          className="sticky bottom-3 z-30 flex flex-wrap items-center gap-3 rounded-card border border-brand bg-surface p-3 shadow-lg"
        >
          <p className="font-semibold">{texts.selected(selected.length)}</p>
          {possible.length === 0 && <p className="text-muted">{texts.noStep}</p>}
          {possible.map(({ step, count }) => (
            <Button key={step} disabled={working} onClick={() => void make(step)}>
              {texts.stepsOf(texts.steps[step], count)}
            </Button>
          ))}
        </section>
      )}
    </div>
  )
}

function Results({ results }: { results: readonly Result<ListedOrder>[] }) {
  const { messages, href } = useI18n()
  const { orders: texts } = useStaffMessages()
  const failed = results.filter(({ error }) => error !== undefined)
  const changed = results.length - failed.length
  return (
    <>
      {changed > 0 && <Notice tone="ok" title={texts.changed(changed)} />}
      {failed.length > 0 && (
        <Notice tone="danger" title={texts.failed(failed.length)}>
          <ul>
            {failed.map(({ item: { id, number }, error }) => (
              <li key={id}>
                <Link to={href(`/staff/orders/${id}`)} className="font-semibold underline">
                  {messages.order.title(number)}
                </Link>
                {' · '}
                {describeError(error, messages)}
              </li>
            ))}
          </ul>
        </Notice>
      )}
    </>
  )
}
