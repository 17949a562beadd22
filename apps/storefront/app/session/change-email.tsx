import { mutate } from '../api/api.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { ButtonLink } from '../ui/button.tsx'
import { Notice } from '../ui/notice.tsx'
import { ChangeEmailDocument } from './gen/change-email.ts'
import { LinkFailure } from './link-failure.tsx'
import { SessionPage } from './session-page.tsx'
import { session } from './session.ts'
import { useLink } from './use-link.ts'

const change = async (token: string): Promise<void> => {
  await mutate(ChangeEmailDocument, { token })
  if ((await session.ready()).status === 'signed-in') await session.reload()
}

/** The page of the link that changes an e-mail address. */
export default function ChangeEmail() {
  const { messages, href } = useI18n()
  const link = useLink(change)
  return (
    <SessionPage title={messages.session.changeTitle}>
      {link.status === 'working' && <p role="status">{messages.session.changing}</p>}
      {link.status === 'failed' && <LinkFailure error={link.error} to="/account" />}
      {link.status === 'done' && (
        <>
          <Notice tone="ok" title={messages.session.changed} />
          <ButtonLink to={href('/account')} className="mt-5">
            {messages.session.toAccount}
          </ButtonLink>
        </>
      )}
    </SessionPage>
  )
}
