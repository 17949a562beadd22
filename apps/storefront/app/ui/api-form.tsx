import { useRef, useState, type FormEvent, type ReactNode } from 'react'
import { ApiError, describeError, fieldMessages } from '../api/errors.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { Button } from '../ui/button.tsx'
import { Notice } from '../ui/notice.tsx'

type Props = {
  /** Sends the form's values. An ApiError is shown above the form, its field errors beside the fields. */
  onSubmit: (values: Record<string, string>) => Promise<void>
  submit: string
  /** The fields, given the error of each by its name. */
  children: (errors: Record<string, string>) => ReactNode
  look?: 'primary' | 'secondary' | 'danger'
}

/** A form whose errors come from the API. It is sent once, however often its button is pressed. */
export function ApiForm({ onSubmit, submit, children, look = 'primary' }: Props) {
  const { messages } = useI18n()
  const [error, setError] = useState<unknown>()
  const [sending, setSending] = useState(false)
  const isSending = useRef(false)

  const send = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    if (isSending.current) return
    isSending.current = true
    setSending(true)
    const form = event.currentTarget
    try {
      await onSubmit(
        Object.fromEntries(
          [...new FormData(form)].filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
        ),
      )
      setError(undefined)
    } catch (cause) {
      setError(cause)
      // The first field that needs attention.
      setTimeout(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus(), 0)
    } finally {
      isSending.current = false
      setSending(false)
    }
  }

  return (
    <form onSubmit={(event) => void send(event)} className="flex flex-col gap-5">
      {error !== undefined && <Notice tone="danger" title={describeError(error, messages)} />}
      {children(error instanceof ApiError ? fieldMessages(error) : {})}
      <Button type="submit" look={look} disabled={sending} className="w-full sm:w-fit">
        {submit}
      </Button>
    </form>
  )
}
