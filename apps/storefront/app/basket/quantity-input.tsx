import { Minus, Plus } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useI18n } from '../i18n/i18n.tsx'

type Props = { label: string; value: number; max: number; onChange: (value: number) => void }

const step = 'flex size-11 items-center justify-center rounded-full hover:bg-sunken disabled:text-muted'

/** A number of pieces, with buttons for one more and one less. What is typed is applied when the field is left. */
export function QuantityInput({ label, value, max, onChange }: Props) {
  const { messages } = useI18n()
  const [text, setText] = useState(String(value))
  useEffect(() => setText(String(value)), [value])
  const commit = (): void => {
    const number = Math.min(Math.max(1, Math.trunc(Number(text)) || 1), Math.max(1, max))
    setText(String(number))
    if (number !== value) onChange(number)
  }
  return (
    <div
      role="group"
      aria-label={label}
      className="inline-flex items-center rounded-full border border-control bg-surface"
    >
      <button
        type="button"
        className={step}
        disabled={value <= 1}
        aria-label={messages.product.less}
        onClick={() => onChange(value - 1)}
      >
        <Minus className="size-4" aria-hidden="true" />
      </button>
      <input
        inputMode="numeric"
        aria-label={label}
        value={text}
        onChange={({ target }) => setText(target.value.replaceAll(/\D/g, '').slice(0, 3))}
        onBlur={commit}
        onKeyDown={({ key }) => key === 'Enter' && commit()}
        className="h-11 w-12 bg-transparent text-center text-base font-semibold tabular-nums"
      />
      <button
        type="button"
        className={step}
        disabled={value >= max}
        aria-label={messages.product.moreOf}
        onClick={() => onChange(value + 1)}
      >
        <Plus className="size-4" aria-hidden="true" />
      </button>
    </div>
  )
}
