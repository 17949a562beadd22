import type { TextareaHTMLAttributes } from 'react'
import { FieldFrame } from './field-frame.tsx'

type Props = TextareaHTMLAttributes<HTMLTextAreaElement> & {
  label: string
  name: string
  hint?: string
  error?: string | undefined
}

/** A labelled text of several lines with its hint and its error beside it. */
export function TextAreaField({ label, hint, error, className, ...props }: Props) {
  return (
    <FieldFrame label={label} hint={hint} error={error} className={className}>
      {(attributes, style) => <textarea rows={6} {...attributes} className={style} {...props} />}
    </FieldFrame>
  )
}
