import { Notice } from '../../ui/notice.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import type { Conflict } from './merge-edits.ts'
import type { ProductTexts, TextField } from './product-fields.tsx'

type Props = {
  conflict: Conflict
  /** What the form has now. */
  values: ProductTexts
  onChoose: (field: TextField, value: string) => void
}

/** Shows what somebody else has changed meanwhile, with a choice between both versions where both have changed the same. */
export function EditConflict({ conflict: { conflicts, taken, hasNewPicture }, values, onChoose }: Props) {
  const { products: texts } = useStaffMessages()
  const names = [...taken.map((field) => texts[field]), ...(hasNewPicture ? [texts.conflict.image] : [])]
  return (
    <Notice tone="warn" title={texts.conflict.title}>
      <p>{texts.conflict.text}</p>
      {names.length > 0 && <p className="mt-2">{texts.conflict.merged(names.join(', '))}</p>}
      {conflicts.map(({ field, mine, theirs }) => (
        <fieldset key={field} className="mt-4">
          <legend className="font-semibold">{texts[field]}</legend>
          <div className="mt-2 grid gap-2 sm:grid-cols-2">
            {(
              [
                ['mine', mine],
                ['theirs', theirs],
              ] as const
            ).map(([whose, value]) => (
              <label
                key={whose}
                className="flex min-h-11 cursor-pointer gap-3 rounded-lg border border-control bg-surface p-3 has-[:checked]:border-brand has-[:checked]:ring-1 has-[:checked]:ring-brand"
              >
                <input
                  type="radio"
                  name={`conflict-${field}`}
                  checked={values[field] === value}
                  onChange={() => onChoose(field, value)}
                  className="mt-1 size-5 shrink-0 accent-brand"
                />
                <span className="min-w-0">
                  <span className="block text-sm text-muted">{texts.conflict[whose]}</span>
                  <span className="line-clamp-6 whitespace-pre-line [overflow-wrap:anywhere]" dir="auto">
                    {value === '' ? texts.conflict.empty : value}
                  </span>
                </span>
              </label>
            ))}
          </div>
        </fieldset>
      ))}
    </Notice>
  )
}
