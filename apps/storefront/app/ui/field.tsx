import { clsx } from 'clsx'
import { Eye, EyeOff } from 'lucide-react'
import { useId, useState, type InputHTMLAttributes } from 'react'
import { useI18n } from '../i18n/i18n.tsx'

type Props = InputHTMLAttributes<HTMLInputElement> & {
  label: string
  name: string
  hint?: string
  /** What is wrong with the value. */
  error?: string | undefined
}

/** A labelled input with its hint and its error beside it. */
export function Field({ label, hint, error, type = 'text', className, ...props }: Props) {
  const { messages } = useI18n()
  const id = useId()
  const [visible, setVisible] = useState(false)
  const isPassword = type === 'password'
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block font-medium">
        {label}
      </label>
      <div className="relative">
        <input
          id={id}
          type={isPassword && visible ? 'text' : type}
          aria-invalid={error !== undefined}
          aria-describedby={clsx(hint && `${id}-hint`, error && `${id}-error`) || undefined}
          className={clsx(
            'block min-h-11 w-full rounded-lg border bg-surface px-3 py-2 text-base',
            error === undefined ? 'border-control' : 'border-danger',
            isPassword && 'pr-12',
          )}
          {...props}
        />
        {isPassword && (
          <button
            type="button"
            onClick={() => setVisible(!visible)}
            aria-label={visible ? messages.session.hidePassword : messages.session.showPassword}
            className="absolute inset-y-0 right-0 flex w-11 items-center justify-center text-muted"
          >
            {visible ? <EyeOff className="size-5" aria-hidden="true" /> : <Eye className="size-5" aria-hidden="true" />}
          </button>
        )}
      </div>
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
