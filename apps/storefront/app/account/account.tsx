import { useState, type ReactNode } from 'react'
import { useNavigate, useRevalidator } from 'react-router'
import { mutate, query } from '../api/api.ts'
import { ApiError, describeError, readProblem } from '../api/errors.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { session } from '../session/session.ts'
import { useSession } from '../session/use-session.ts'
import { ApiForm } from '../ui/api-form.tsx'
import { Button } from '../ui/button.tsx'
import { Field } from '../ui/field.tsx'
import { Notice } from '../ui/notice.tsx'
import type { Route } from './+types/account.ts'
import { describeDevice } from './describe-device.ts'
import { ChangePasswordDocument } from './gen/change-password.ts'
import { DeleteAccountDocument } from './gen/delete-account.ts'
import { EndAllSessionsDocument } from './gen/end-all-sessions.ts'
import { EndSessionDocument } from './gen/end-session.ts'
import { RequestEmailChangeDocument } from './gen/request-email-change.ts'
import { RequestEmailVerificationDocument } from './gen/request-email-verification.ts'
import { SessionsDocument } from './gen/sessions.ts'
import { requireSession } from '../session/require-session.ts'

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  await requireSession(request)
  const { me } = await query(SessionsDocument, {}, 'network-only')
  if (me === null) throw new ApiError('UNAVAILABLE', 'auth-service did not answer.')
  return me
}

type Me = Route.ComponentProps['loaderData']

/** The account: profile, password, sessions, personal data. */
export default function Account({ loaderData: me }: Route.ComponentProps) {
  const { messages, formats } = useI18n()
  const state = useSession()
  const user = state.status === 'signed-in' ? state.user : undefined
  const texts = messages.account
  return (
    <div className="mx-auto max-w-2xl">
      <title>{`${texts.title} · Halles`}</title>
      <h1 className="font-display text-3xl font-bold sm:text-4xl">{texts.title}</h1>
      <div className="mt-6 flex flex-col gap-6">
        <Card title={texts.profile}>
          <p className="text-lg font-semibold [overflow-wrap:anywhere]" dir="auto">
            {user?.name}
          </p>
          <p className="[overflow-wrap:anywhere]">
            <bdi>{me.email}</bdi>
          </p>
          {user && <p className="text-muted">{texts.memberSince(formats.date(user.createdAt))}</p>}
          <EmailVerification me={me} />
          <EmailChange />
        </Card>
        <Card title={texts.changePassword}>
          <PasswordChange />
        </Card>
        <Card title={texts.sessions}>
          <Sessions sessions={me.sessions?.nodes ?? []} />
        </Card>
        <Card title={texts.data}>
          <DataExport />
        </Card>
        <Card title={texts.delete}>{user?.role === 'admin' ? <p>{texts.adminNote}</p> : <Deletion />}</Card>
      </div>
    </div>
  )
}

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="rounded-card border border-line bg-surface p-5 sm:p-6">
      <h2 className="mb-4 text-xl font-bold">{title}</h2>
      {children}
    </section>
  )
}

/** Runs an action of a button, and says how it ended. */
function useAction(run: () => Promise<unknown>) {
  const [state, setState] = useState<{ done: boolean; error?: unknown }>({ done: false })
  const start = (): void => {
    run().then(
      () => setState({ done: true }),
      (error: unknown) => setState({ done: false, error }),
    )
  }
  return { ...state, start }
}

function EmailVerification({ me: { emailVerified } }: { me: Me }) {
  const { messages } = useI18n()
  const { done, error, start } = useAction(() => mutate(RequestEmailVerificationDocument, {}))
  const texts = messages.account
  if (emailVerified) return <p className="mt-1 font-medium text-ok">{texts.verified}</p>
  return (
    <div className="mt-3 flex flex-col gap-3">
      <p className="font-medium text-warn">{texts.notVerified}</p>
      {error !== undefined && <Notice tone="danger" title={describeError(error, messages)} />}
      {done ? (
        <Notice tone="ok" title={texts.verificationSent} />
      ) : (
        <Button look="secondary" className="self-start" onClick={start}>
          {texts.sendVerification}
        </Button>
      )}
    </div>
  )
}

/** A form that is opened by a click on its title. */
function Fold({ title, children }: { title: string; children: ReactNode }) {
  return (
    <details className="mt-4 border-t border-line pt-2">
      <summary className="flex min-h-11 items-center font-semibold text-brand">{title}</summary>
      <div className="pt-3">{children}</div>
    </details>
  )
}

function EmailChange() {
  const { messages } = useI18n()
  const [sent, setSent] = useState(false)
  const texts = messages.account
  return (
    <Fold title={texts.changeEmail}>
      {sent ? (
        <Notice tone="ok" title={texts.emailRequested} />
      ) : (
        <ApiForm
          submit={messages.session.sendLink}
          look="secondary"
          onSubmit={async ({ email = '', password = '' }) => {
            await mutate(RequestEmailChangeDocument, { email, password })
            setSent(true)
          }}
        >
          {(errors) => (
            <>
              <Field
                label={texts.newEmail}
                name="email"
                type="email"
                autoComplete="email"
                required
                error={errors['email']}
              />
              <Field
                label={messages.session.currentPassword}
                name="password"
                type="password"
                autoComplete="current-password"
                required
                error={errors['password']}
              />
            </>
          )}
        </ApiForm>
      )}
    </Fold>
  )
}

function PasswordChange() {
  const { messages } = useI18n()
  const { revalidate } = useRevalidator()
  const [changes, setChanges] = useState(0)
  return (
    <>
      {changes > 0 && (
        <div className="mb-5">
          <Notice tone="ok" title={messages.account.passwordChanged} />
        </div>
      )}
      {/* A new key empties the fields. */}
      <ApiForm
        key={changes}
        submit={messages.account.save}
        look="secondary"
        onSubmit={async ({ currentPassword = '', newPassword = '' }) => {
          await mutate(ChangePasswordDocument, { input: { currentPassword, newPassword } })
          setChanges(changes + 1)
          await revalidate()
        }}
      >
        {(errors) => (
          <>
            <Field
              label={messages.session.currentPassword}
              name="currentPassword"
              type="password"
              autoComplete="current-password"
              required
              error={errors['currentPassword']}
            />
            <Field
              label={messages.session.newPassword}
              name="newPassword"
              type="password"
              autoComplete="new-password"
              required
              minLength={8}
              hint={messages.session.passwordHint}
              error={errors['newPassword']}
            />
          </>
        )}
      </ApiForm>
    </>
  )
}

function Sessions({ sessions }: { sessions: NonNullable<Me['sessions']>['nodes'] }) {
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

/** Saves what auth-service stores about the user as a file. */
async function downloadData(): Promise<void> {
  const token = await session.accessToken()
  const response = await fetch('/api/me/data', { headers: { authorization: `Bearer ${token}` } })
  if (!response.ok) throw await readProblem(response)
  const url = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = 'halles.json'
  link.click()
  URL.revokeObjectURL(url)
}

function DataExport() {
  const { messages } = useI18n()
  const { error, start } = useAction(downloadData)
  return (
    <>
      <p className="mb-4">{messages.account.dataText}</p>
      {error !== undefined && <Notice tone="danger" title={describeError(error, messages)} />}
      <Button look="secondary" onClick={start}>
        {messages.account.download}
      </Button>
    </>
  )
}

function Deletion() {
  const { messages, href } = useI18n()
  const navigate = useNavigate()
  const texts = messages.account
  return (
    <>
      <p>{texts.deleteText}</p>
      <Fold title={texts.delete}>
        <ApiForm
          submit={texts.deleteConfirm}
          look="danger"
          onSubmit={async ({ password = '' }) => {
            await mutate(DeleteAccountDocument, { password })
            session.forget()
            await navigate(href('/'), { replace: true })
          }}
        >
          {(errors) => (
            <Field
              label={messages.session.currentPassword}
              name="password"
              type="password"
              autoComplete="current-password"
              required
              error={errors['password']}
            />
          )}
        </ApiForm>
      </Fold>
    </>
  )
}
