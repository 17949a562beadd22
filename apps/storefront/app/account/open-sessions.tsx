import { useState } from 'react'
import { useNavigate, useRevalidator } from 'react-router'
import { mutate } from '../api/api.ts'
import { describeError } from '../api/errors.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { session } from '../session/session.ts'
import { Button } from '../ui/button.tsx'
import { Notice } from '../ui/notice.tsx'
import { describeDevice } from './describe-device.ts'
import { EndAllSessionsDocument } from './gen/end-all-sessions.ts'
import { EndSessionDocument } from './gen/end-session.ts'

/** An open session of the account. */
export type OpenSession = { id: string; agent: string | null; createdAt: string; current: boolean }

/** The open sessions of the account, each of which can be ended. */
export function OpenSessions({ sessions }: { sessions: readonly OpenSession[] }) {
  const { messages, formats, href } = useI18n()
  const { revalidate } = useRevalidator()
  const navigate = useNavigate()
  const [error, setError] = useState<unknown>()
  const texts = messages.account
  const end = async (run: () => Promise<unknown>, all: boolean): Promise<void> => {
    try {
      await run()
      setError(undefined)
      if (all) {
        session.forget()
        await navigate(href('/sign-in'))
      } else await revalidate()
    } catch (cause) {
      setError(cause)
    }
  }
  return (
    <>
      {error !== undefined && <Notice tone="danger" title={describeError(error, messages)} />}
      <ul className="divide-y divide-line">
        {sessions.map(({ id, agent, createdAt, current }) => {
          const device = agent === null ? texts.unknownDevice : describeDevice(agent)
          return (
            <li key={id} className="flex min-h-14 items-center justify-between gap-3 py-2">
              <div className="min-w-0">
                <p className="truncate font-medium">{device}</p>
                <p className="text-sm text-muted">
                  {current ? texts.thisSession : texts.sessionSince(formats.date(createdAt))}
                </p>
              </div>
              {!current && (
                <Button
                  look="quiet"
                  aria-label={texts.endSessionNamed(device)}
                  onClick={() => void end(() => mutate(EndSessionDocument, { id }), false)}
                >
                  {texts.endSession}
                </Button>
              )}
            </li>
          )
        })}
      </ul>
      <Button
        look="secondary"
        className="mt-4"
        onClick={() => void end(() => mutate(EndAllSessionsDocument, {}), true)}
      >
        {texts.endAll}
      </Button>
    </>
  )
}
