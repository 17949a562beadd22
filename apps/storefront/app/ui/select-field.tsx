import type { SelectHTMLAttributes } from 'react'
import { FieldFrame } from './field-frame.tsx'

type Props = SelectHTMLAttributes<HTMLSelectElement> & {
  label: string
  name: string
  options: readonly { value: string; label: string }[]
  hint?: string
  error?: string | undefined
}

/** A labelled choice with its hint and its error beside it. */
export function SelectField({ label, hint, error, options, className, ...props }: Props) {
  return (
    <FieldFrame label={label} hint={hint} error={error} className={className}>
      {(attributes, style) => (
        <select {...attributes} className={style} {...props}>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </FieldFrame>
  )
}
