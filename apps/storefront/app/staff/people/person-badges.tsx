import { clsx } from 'clsx'
import type { Role } from '../../gen/schema.ts'
import { useStaffMessages } from '../staff-i18n.ts'

const badge = 'inline-block whitespace-nowrap rounded-full px-3 py-1 text-sm font-semibold'

/** The role of a person, in a colour of its own for the staff. */
export function RoleBadge({ role }: { role: Role }) {
  const { people: texts } = useStaffMessages()
  return (
    <span className={clsx(badge, role === 'ADMIN' ? 'bg-brand text-on-brand' : 'bg-sunken text-muted')}>
      {texts.roles[role]}
    </span>
  )
}

/** Whether an account can be signed in to. */
export function ActiveBadge({ active }: { active: boolean }) {
  const { people: texts } = useStaffMessages()
  return (
    <span className={clsx(badge, active ? 'bg-ok-soft text-ok' : 'bg-danger-soft text-danger')}>
      {active ? texts.active : texts.inactive}
    </span>
  )
}
