import { ApiError, describeError } from '../api/errors.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { Notice } from '../ui/notice.tsx'
import { InvalidLink } from './invalid-link.tsx'

/** Why a link could not be used: it is no longer valid, or something else was in the way, such as a lost connection. */
export function LinkFailure({ error, to }: { error: unknown; to: string }) {
  const { messages } = useI18n()
  const isInvalid = error === undefined || (error instanceof ApiError && error.code === 'VALIDATION_FAILED')
  return isInvalid ? <InvalidLink to={to} /> : <Notice tone="danger" title={describeError(error, messages)} />
}
