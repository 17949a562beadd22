import { useState } from 'react'
import { data, Link, useRevalidator } from 'react-router'
import { mutate, query } from '../../api/api.ts'
import { ApiError, describeError } from '../../api/errors.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { ConfirmButton } from '../../ui/confirm-button.tsx'
import { Notice } from '../../ui/notice.tsx'
import { card, PageHeading } from '../list.tsx'
import { requireStaff } from '../require-staff.ts'
import { useStaffMessages } from '../staff-i18n.ts'
import type { Route } from './+types/dead-letter.ts'
import { DeadLetterDocument, type DeadLetterQuery } from './gen/dead-letter.ts'
import { RedriveDeadLetterDocument } from './gen/redrive-dead-letter.ts'
import { formatValue } from './format-value.ts'

type Letter = NonNullable<DeadLetterQuery['deadLetter']>

export async function clientLoader({ request, params: { id } }: Route.ClientLoaderArgs) {
  await requireStaff(request)
  const { deadLetter } = await query(DeadLetterDocument, { id }, 'network-only').catch((error: unknown) => {
    if (error instanceof ApiError && error.code === 'NOT_FOUND') throw data(null, { status: 404 })
    throw error
  })
  if (deadLetter === null) throw data(null, { status: 404 })
  return deadLetter
}

/** A message that could not be processed, with its content, which can be published again. */
export default function DeadLetter({ loaderData: letter }: Route.ComponentProps) {
  const { formats, href } = useI18n()
  const { deadLetters: texts } = useStaffMessages()
  const { id, reason, origin, key, size, parkedAt, redrives, redrivenAt, headers } = letter
  const facts = [
    [texts.reason, reason],
    [texts.topic, origin.topic],
    [texts.position, texts.positionOf(origin.partition, origin.offset)],
    [texts.group, origin.group ?? '–'],
    [texts.key, key ?? texts.noKey],
    [texts.size, size === null ? '–' : texts.bytes(formats.number(size))],
    [texts.parkedAt, formats.dateTime(parkedAt)],
    [texts.redrives, redrivenAt === null ? texts.never : texts.redriven(redrives, formats.dateTime(redrivenAt))],
  ] as const
  return (
    <>
      <Link to={href('/staff/dead-letters')} className="inline-flex min-h-11 items-center text-brand underline">
        {texts.back}
      </Link>
      <PageHeading title={texts.one(id)} />
      <div className="mt-6 grid items-start gap-6 lg:grid-cols-[1fr_22rem]">
        <aside className={`${card} p-5 lg:order-last`}>
          <dl className="flex flex-col gap-3">
            {facts.map(([name, value]) => (
              <div key={name}>
                <dt className="text-sm text-muted">{name}</dt>
                <dd className="font-medium [overflow-wrap:anywhere]">{value}</dd>
              </div>
            ))}
          </dl>
          <Redrive letter={letter} />
        </aside>
        <div className="flex min-w-0 flex-col gap-6">
          <section aria-labelledby="value" className={`${card} p-5`}>
            <h2 id="value" className="mb-3 text-xl font-bold">
              {texts.value}
            </h2>
            <Value letter={letter} />
          </section>
          <section aria-labelledby="headers" className={`${card} p-5`}>
            <h2 id="headers" className="mb-3 text-xl font-bold">
              {texts.headers}
            </h2>
            {headers.length === 0 ? (
              <p className="text-muted">{texts.noHeaders}</p>
            ) : (
              <dl className="flex flex-col gap-2">
                {headers.map(({ name, value }, i) => (
                  // eslint-disable-next-line react/no-array-index-key -- a message may have a header twice, and never changes
                  <div key={i}>
                    <dt className="text-sm text-muted [overflow-wrap:anywhere]">{name}</dt>
                    <dd className="font-mono text-sm [overflow-wrap:anywhere]">{value}</dd>
                  </div>
                ))}
              </dl>
            )}
          </section>
        </div>
      </div>
    </>
  )
}

function Value({ letter: { value, encoding, size } }: { letter: Letter }) {
  const { deadLetters: texts } = useStaffMessages()
  if (value === null) return <p className="text-muted">{size === null ? texts.noValue : texts.tooLarge}</p>
  return (
    <>
      {encoding === 'BASE64' && <p className="mb-2 text-muted">{texts.base64}</p>}
      {/* It scrolls, so the keyboard must reach it. */}
      <pre
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        aria-labelledby="value"
        role="group"
        className="max-h-[32rem] overflow-auto whitespace-pre-wrap rounded-lg bg-sunken p-4 font-mono text-sm [overflow-wrap:anywhere]"
      >
        {formatValue(value)}
      </pre>
    </>
  )
}

function Redrive({ letter: { id, redrives, value, size } }: { letter: Letter }) {
  const { messages } = useI18n()
  const { deadLetters: texts } = useStaffMessages()
  const { revalidate } = useRevalidator()
  const [sending, setSending] = useState(false)
  const [error, setError] = useState<unknown>()
  const [done, setDone] = useState(false)
  const isLeftAtOrigin = value === null && size !== null

  const redrive = async (): Promise<void> => {
    setSending(true)
    setDone(false)
    try {
      await mutate(RedriveDeadLetterDocument, { id })
      setError(undefined)
      setDone(true)
    } catch (cause) {
      setError(cause)
    }
    setSending(false)
    await revalidate()
  }
  return (
    <div className="mt-5 flex flex-col gap-3">
      {error !== undefined && <Notice tone="danger" title={describeError(error, messages)} />}
      <div role="status" className={done ? undefined : 'sr-only'}>
        {done && <p className="font-medium text-ok">{texts.done}</p>}
      </div>
      <ConfirmButton
        look="primary"
        label={redrives === 0 ? texts.redrive : texts.redriveAgain}
        title={texts.redriveTitle}
        text={texts.redriveText}
        keep={texts.keep}
        disabled={sending || isLeftAtOrigin}
        onConfirm={() => void redrive()}
      />
    </div>
  )
}
