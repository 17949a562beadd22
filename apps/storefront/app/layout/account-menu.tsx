import { UserRound } from 'lucide-react'
import { DropdownMenu } from 'radix-ui'
import { useNavigate } from 'react-router'
import { useI18n } from '../i18n/i18n.tsx'
import { session, type SessionUser } from '../session/session.ts'

const item = 'flex min-h-11 cursor-pointer items-center rounded-lg px-3 outline-none data-[highlighted]:bg-sunken'

/** The menu of the signed-in user. */
export function AccountMenu({ user }: { user: SessionUser }) {
  const { messages, href } = useI18n()
  const navigate = useNavigate()
  const go = (path: string) => () => void navigate(href(path))
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger
        aria-label={`${messages.nav.account}, ${user.name}`}
        className="inline-flex min-h-11 min-w-11 items-center justify-center gap-2 rounded-full px-2 hover:bg-sunken"
      >
        <UserRound className="size-6 text-brand" aria-hidden="true" />
        <span className="hidden max-w-32 truncate font-medium lg:inline" aria-hidden="true">
          {user.name}
        </span>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          sideOffset={6}
          className="z-50 w-64 rounded-card border border-line bg-surface p-2 shadow-lg"
        >
          <DropdownMenu.Label className="truncate px-3 py-2 text-sm text-muted">
            <bdi>{user.email}</bdi>
          </DropdownMenu.Label>
          <DropdownMenu.Item className={item} onSelect={go('/orders')}>
            {messages.nav.orders}
          </DropdownMenu.Item>
          <DropdownMenu.Item className={item} onSelect={go('/account')}>
            {messages.nav.account}
          </DropdownMenu.Item>
          {user.role === 'admin' && (
            <DropdownMenu.Item className={item} onSelect={go('/staff')}>
              {messages.staff.desk}
            </DropdownMenu.Item>
          )}
          <DropdownMenu.Separator className="my-1 h-px bg-line" />
          <DropdownMenu.Item className={item} onSelect={() => void session.signOut().then(() => navigate(href('/')))}>
            {messages.nav.signOut}
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}
