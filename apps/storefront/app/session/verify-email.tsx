import { mutate } from '../api/api.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { ButtonLink } from '../ui/button.tsx'
import { Notice } from '../ui/notice.tsx'
import { VerifyEmailDocument } from './gen/verify-email.ts'
import { LinkFailure } from './link-failure.tsx'
import { SessionPage } from './session-page.tsx'
import { session } from './session.ts'
import { useLink } from './use-link.ts'

const verify = async (token: string): Promise<void> => {
  await mutate(VerifyEmailDocument, { token })
  if ((await session.ready()).status === 'signed-in') await session.reload()
}

/** The page of the link that verifies an e-mail address. */
export default function VerifyEmail() {
  const { messages, href } = useI18n()
  const link = useLink(verify)
  return (
    <SessionPage title={messages.session.verifyTitle}>
      {link.status === 'working' && <p role="status">{messages.session.verifying}</p>}
      {link.status === 'failed' && <LinkFailure error={link.error} to="/account" />}
      {link.status === 'done' && (
        <>
          <Notice tone="ok" title={messages.session.verified} />
          <ButtonLink to={href('/')} className="mt-5">
            {messages.session.toShop}
          </ButtonLink>
        </>
      )}
    </SessionPage>
  )
}
