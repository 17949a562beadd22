import { useI18n } from '../i18n/i18n.tsx'
import { ButtonLink } from '../ui/button.tsx'
import { Notice } from '../ui/notice.tsx'

/** Says that a link of an e-mail no longer works. `to` leads to where another can be requested. */
export function InvalidLink({ to = '/password/forgotten' }: { to?: string }) {
  const { messages, href } = useI18n()
  return (
    <>
      <Notice tone="danger" title={messages.session.invalidLinkTitle}>
        {messages.session.invalidLinkText}
      </Notice>
      <ButtonLink to={href(to)} className="mt-5">
        {messages.session.newLink}
      </ButtonLink>
    </>
  )
}
