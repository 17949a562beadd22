import { data, Link } from 'react-router'
import { query } from '../../api/api.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { useSession } from '../../session/use-session.ts'
import { card, PageHeading, withParams } from '../list.tsx'
import { requireStaff } from '../require-staff.ts'
import { useStaffMessages } from '../staff-i18n.ts'
import type { Route } from './+types/person.ts'
import { AccessCard } from './access-card.tsx'
import { PersonDocument, type PersonQuery } from './gen/person.ts'
import { ActiveBadge, RoleBadge } from './person-badges.tsx'
import { PersonSessions } from './person-sessions.tsx'
import { SecurityLog } from './security-log.tsx'

/** Events of the security log on a page. */
const PAGE_SIZE = 10

export async function clientLoader({ request, params: { id } }: Route.ClientLoaderArgs) {
  await requireStaff(request)
  const after = new URL(request.url).searchParams.get('after')
  const { user, securityLog } = await query(PersonDocument, { id, first: PAGE_SIZE, after }, 'network-only')
  // An unknown person has an empty log.
  if (user === null) throw data(null, { status: 404 })
  return { user, securityLog }
}

/** A person as the staff sees them: profile, access, sessions, security log, and the way to their orders. */
export default function Person({ loaderData: { user, securityLog } }: Route.ComponentProps) {
  const { href } = useI18n()
  const { people: texts } = useStaffMessages()
  const session = useSession()
  const isSelf = session.status === 'signed-in' && session.user.id === user.id
  const isDeleted = user.name === '' && user.email === ''
  return (
    <>
      <Link to={href('/staff/people')} className="inline-flex min-h-11 items-center text-brand underline">
        {texts.back}
      </Link>
      <PageHeading title={isDeleted ? texts.deleted : user.name}>
        <p className="flex flex-wrap gap-2">
          <RoleBadge role={user.role} />
          <ActiveBadge active={user.active} />
        </p>
      </PageHeading>
      <div className="mt-6 grid items-start gap-6 *:min-w-0 lg:grid-cols-[1fr_22rem]">
        <aside className="flex flex-col gap-6 lg:order-last">
          <Profile user={user} />
          {!isDeleted && <AccessCard person={user} isSelf={isSelf} />}
        </aside>
        <div className="flex min-w-0 flex-col gap-6">
          <PersonSessions userId={user.id} sessions={user.sessions?.nodes ?? []} />
          <SecurityLog log={securityLog} />
        </div>
      </div>
    </>
  )
}

function Profile({ user }: { user: NonNullable<PersonQuery['user']> }) {
  const { formats, href } = useI18n()
  const { people: texts } = useStaffMessages()
  return (
    <section aria-labelledby="profile" className={`${card} p-5`}>
      <h2 id="profile" className="mb-3 text-xl font-bold">
        {texts.profile}
      </h2>
      <dl className="flex flex-col gap-3">
        {user.email !== '' && (
          <div>
            <dt className="text-sm text-muted">{texts.email}</dt>
            <dd className="[overflow-wrap:anywhere]">
              <bdi>{user.email}</bdi>
              <span className={`block text-sm ${user.emailVerified ? 'text-ok' : 'text-warn'}`}>
                {user.emailVerified ? texts.verified : texts.notVerified}
              </span>
            </dd>
          </div>
        )}
        <div>
          <dt className="text-sm text-muted">{texts.since}</dt>
          <dd>{formats.date(user.createdAt)}</dd>
        </div>
        <div>
          <dt className="text-sm text-muted">{texts.language}</dt>
          <dd>{texts.languages[user.locale]}</dd>
        </div>
      </dl>
      {user.email !== '' && (
        <Link
          to={{ pathname: href('/staff/orders'), search: withParams(new URLSearchParams(), { q: user.email }) }}
          className="mt-2 inline-flex min-h-11 items-center text-brand underline"
        >
          {texts.orders}
        </Link>
      )}
    </section>
  )
}
