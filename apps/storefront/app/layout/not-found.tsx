import { data } from 'react-router'
import { useI18n } from '../i18n/i18n.tsx'
import { ButtonLink } from '../ui/button.tsx'
import { EmptyState } from '../ui/empty-state.tsx'

export function loader() {
  return data(null, { status: 404 })
}

/** The page for an address that leads nowhere. */
export default function NotFound() {
  const { messages, href } = useI18n()
  return (
    <>
      <title>{`${messages.errors.notFoundTitle} · Halles`}</title>
      <EmptyState title={messages.errors.notFoundTitle} text={messages.errors.notFoundText}>
        <ButtonLink to={href('/products')}>{messages.product.back}</ButtonLink>
      </EmptyState>
    </>
  )
}
