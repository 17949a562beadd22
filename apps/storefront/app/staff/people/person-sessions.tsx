import { useState } from 'react'
import { useRevalidator } from 'react-router'
import { describeDevice } from '../../account/describe-device.ts'
import { EndSessionDocument } from '../../account/gen/end-session.ts'
import { mutate } from '../../api/api.ts'
import { describeError } from '../../api/errors.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { Button } from '../../ui/button.tsx'
import { ConfirmButton } from '../../ui/confirm-button.tsx'
import { Notice } from '../../ui/notice.tsx'
import { card } from '../list.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import { EndPersonSessionsDocument } from './gen/end-person-sessions.ts'
import type { PersonQuery } from './gen/person.ts'

type Sessions = NonNullable<NonNullable<PersonQuery['user']>['sessions']>['nodes']

/** The open sessions of a person, each of which can be ended. */
export function PersonSessions({ userId, sessions }: { userId: string; sessions: Sessions }) {
  const { messages, formats } = useI18n()
  const { people: texts } = useStaffMessages()
  const { revalidate } = useRevalidator()
  const [error, setError] = useState<unknown>()
  const end = async (run: () => Promise<unknown>): Promise<void> => {
    try {
      await run()
      setError(undefined)
    } catch (cause) {
      setError(cause)
    }
    await revalidate()
  }
  return (
    <section aria-labelledby="sessions" className={`${card} p-5`}>
      <h2 id="sessions" className="mb-2 text-xl font-bold">
        {texts.sessions}
      </h2>
      {error !== undefined && <Notice tone="danger" title={describeError(error, messages)} />}
      {sessions.length === 0 && <p className="text-muted">{texts.noSessions}</p>}
      <ul className="divide-y divide-line">
        {sessions.map(({ id, agent, createdAt, refreshedAt, current }) => {
          const device = agent === null ? messages.account.unknownDevice : describeDevice(agent)
          return (
            <li key={id} className="flex min-h-14 items-center justify-between gap-3 py-2">
              <div className="min-w-0">
                <p className="truncate font-medium">{device}</p>
                <p className="text-sm text-muted">
                  {texts.sessionSince(formats.dateTime(createdAt), formats.dateTime(refreshedAt))}
                </p>
              </div>
              {current ? (
                <span className="text-sm text-muted">{texts.current}</span>
              ) : (
                <Button
                  look="quiet"
                  aria-label={texts.endSessionNamed(device)}
                  onClick={() => void end(() => mutate(EndSessionDocument, { id }))}
                >
                  {texts.endSession}
                </Button>
              )}
            </li>
          )
        })}
      </ul>
      {sessions.length > 0 && !sessions.some(({ current }) => current) && (
        <div className="mt-4">
          <ConfirmButton
            label={texts.endAll}
            title={texts.endAllTitle}
            text={texts.endAllText}
            keep={texts.keep}
            look="secondary"
            onConfirm={() => void end(() => mutate(EndPersonSessionsDocument, { userId }))}
          />
        </div>
      )}
    </section>
  )
}
