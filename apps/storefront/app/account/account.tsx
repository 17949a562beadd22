import type { ReactNode } from 'react'
import { query } from '../api/api.ts'
import { ApiError } from '../api/errors.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { requireSession } from '../session/require-session.ts'
import { useSession } from '../session/use-session.ts'
import type { Route } from './+types/account.ts'
import { EmailAddress } from './email-address.tsx'
import { SessionsDocument } from './gen/sessions.ts'
import { OpenSessions } from './open-sessions.tsx'
import { PasswordChange } from './password-change.tsx'
import { AccountDeletion, DataExport } from './personal-data.tsx'
import { Profile } from './profile.tsx'

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  await requireSession(request)
  const { me } = await query(SessionsDocument, {}, 'network-only')
  if (me === null) throw new ApiError('UNAVAILABLE', 'auth-service did not answer.')
  return me
}

/** The account: profile, address, password, sessions, personal data. */
export default function Account({ loaderData: me }: Route.ComponentProps) {
  const { messages, formats } = useI18n()
  const state = useSession()
  const user = state.status === 'signed-in' ? state.user : undefined
  const texts = messages.account
  return (
    <div className="mx-auto max-w-2xl">
      <title>{`${texts.title} · Halles`}</title>
      <h1 className="font-display text-3xl font-bold sm:text-4xl">{texts.title}</h1>
      {user && <p className="mt-1 text-muted">{texts.memberSince(formats.date(user.createdAt))}</p>}
      <div className="mt-6 flex flex-col gap-6">
        <Card title={texts.profile}>{user && <Profile user={user} />}</Card>
        <Card title={messages.session.email}>
          <EmailAddress email={me.email} emailVerified={me.emailVerified} />
        </Card>
        <Card title={texts.changePassword}>
          <PasswordChange />
        </Card>
        <Card title={texts.sessions}>
          <OpenSessions sessions={me.sessions?.nodes ?? []} />
        </Card>
        <Card title={texts.data}>
          <DataExport />
        </Card>
        <Card title={texts.delete}>{user?.role === 'admin' ? <p>{texts.adminNote}</p> : <AccountDeletion />}</Card>
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
