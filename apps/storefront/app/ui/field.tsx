import { clsx } from 'clsx'
import { Eye, EyeOff } from 'lucide-react'
import { useState, type InputHTMLAttributes } from 'react'
import { useI18n } from '../i18n/i18n.tsx'
import { FieldFrame } from './field-frame.tsx'

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
  const [visible, setVisible] = useState(false)
  const isPassword = type === 'password'
  return (
    <FieldFrame label={label} hint={hint} error={error} className={className}>
      {(attributes, style) => (
        <div className="relative">
          <input
            {...attributes}
            type={isPassword && visible ? 'text' : type}
            className={clsx(style, isPassword && 'pr-12')}
            {...props}
          />
          {isPassword && (
            <button
              type="button"
              onClick={() => setVisible(!visible)}
              aria-label={visible ? messages.session.hidePassword : messages.session.showPassword}
              className="absolute inset-y-0 right-0 flex w-11 items-center justify-center text-muted"
            >
              {visible ? (
                <EyeOff className="size-5" aria-hidden="true" />
              ) : (
                <Eye className="size-5" aria-hidden="true" />
              )}
            </button>
          )}
        </div>
      )}
    </FieldFrame>
  )
}
