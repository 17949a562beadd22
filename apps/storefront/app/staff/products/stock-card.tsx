import { useState } from 'react'
import { useRevalidator } from 'react-router'
import { mutate } from '../../api/api.ts'
import { ApiError } from '../../api/errors.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { ApiForm } from '../../ui/api-form.tsx'
import { Field } from '../../ui/field.tsx'
import { Notice } from '../../ui/notice.tsx'
import { SelectField } from '../../ui/select-field.tsx'
import { card } from '../list.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import { AdjustStockDocument } from './gen/adjust-stock.ts'
import { StockBadge } from './stock-badge.tsx'

/** The stock of a product, and a form that adds to it or takes from it, with the reason. */
export function StockCard({ id, stock }: { id: string; stock: number }) {
  const { formats } = useI18n()
  const { products } = useStaffMessages()
  const { revalidate } = useRevalidator()
  // The stock after the last adjustment, and how many there were.
  const [done, setDone] = useState<{ stock: number; count: number }>()
  const texts = products.stock
  return (
    <section aria-labelledby="stock" className={`${card} flex flex-col gap-4 p-5`}>
      <div className="flex items-center justify-between gap-3">
        <h2 id="stock" className="text-xl font-bold">
          {texts.title}
        </h2>
        <StockBadge stock={stock} />
      </div>
      {done && <Notice tone="ok" title={texts.adjusted(formats.number(done.stock))} />}
      {/* A new key empties the fields. */}
      <ApiForm
        key={done?.count ?? 0}
        submit={texts.adjust}
        look="secondary"
        onSubmit={async ({ direction, delta = '0', reason = '' }) => {
          const quantity = Number(delta) * (direction === 'remove' ? -1 : 1)
          try {
            const { adjustStock } = await mutate(AdjustStockDocument, { id, delta: quantity, reason })
            setDone({ stock: adjustStock.stock, count: (done?.count ?? 0) + 1 })
          } catch (error) {
            throw withLimit(error, texts.onlyLeft)
          } finally {
            await revalidate()
          }
        }}
      >
        {(errors) => (
          <>
            <div className="grid grid-cols-[1fr_6rem] items-start gap-3">
              <SelectField
                label={texts.direction}
                name="direction"
                options={[
                  { value: 'add', label: texts.add },
                  { value: 'remove', label: texts.remove },
                ]}
              />
              <Field
                label={texts.quantity}
                name="delta"
                type="number"
                inputMode="numeric"
                min={1}
                max={1_000_000}
                required
                error={errors['delta']}
              />
            </div>
            <Field
              label={texts.reason}
              name="reason"
              hint={texts.reasonHint}
              required
              maxLength={200}
              autoComplete="off"
              error={errors['reason']}
            />
          </>
        )}
      </ApiForm>
    </section>
  )
}

/** Says how many there are where more were to be taken away. */
function withLimit(error: unknown, onlyLeft: (stock: number) => string): unknown {
  if (!(error instanceof ApiError) || error.code !== 'INSUFFICIENT_STOCK') return error
  const fields = error.fields.map((field) => ({ ...field, message: onlyLeft(field.available ?? 0) }))
  return new ApiError(error.code, error.message, fields)
}
