import { clsx } from 'clsx'
import { useId, type ReactNode } from 'react'

type Attributes = { id: string; 'aria-invalid': boolean; 'aria-describedby': string | undefined }

type Props = {
  label: string
  hint?: string | undefined
  /** What is wrong with the value. */
  error?: string | undefined
  className?: string | undefined
  /** The control, given its attributes and its style. */
  children: (attributes: Attributes, style: string) => ReactNode
}

/** What is around a control of a form: its label, its hint and its error. */
export function FieldFrame({ label, hint, error, className, children }: Props) {
  const id = useId()
  const attributes = {
    id,
    'aria-invalid': error !== undefined,
    'aria-describedby': clsx(hint && `${id}-hint`, error && `${id}-error`) || undefined,
  }
  const style = clsx(
    'block min-h-11 w-full rounded-lg border bg-surface px-3 py-2 text-base',
    error === undefined ? 'border-control' : 'border-danger',
  )
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block font-medium">
        {label}
      </label>
      {children(attributes, style)}
      {hint && (
        <p id={`${id}-hint`} className="mt-1 text-sm text-muted">
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p id={`${id}-error`} className="mt-1 text-sm font-medium text-danger">
          {error}
        </p>
      )}
    </div>
  )
}
