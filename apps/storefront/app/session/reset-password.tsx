import { useState } from 'react'
import { useNavigate } from 'react-router'
import { mutate } from '../api/api.ts'
import { ApiError } from '../api/errors.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { ApiForm } from '../ui/api-form.tsx'
import { Field } from '../ui/field.tsx'
import { InvalidLink } from './invalid-link.tsx'
import { ResetPasswordDocument } from './gen/reset-password.ts'
import { useLinkToken } from './link-token.ts'
import { SessionPage } from './session-page.tsx'
import { session } from './session.ts'

/** The page of the link in an e-mail about a forgotten password. */
export default function ResetPassword() {
  const { messages, href } = useI18n()
  const token = useLinkToken()
  const [invalid, setInvalid] = useState(false)
  const navigate = useNavigate()
  const texts = messages.session
  return (
    <SessionPage title={texts.resetTitle}>
      {token === null || invalid ? (
        <InvalidLink />
      ) : (
        <ApiForm
          submit={texts.resetPassword}
          onSubmit={async ({ newPassword = '' }) => {
            try {
              await mutate(ResetPasswordDocument, { token: token ?? '', newPassword })
            } catch (error) {
              if (error instanceof ApiError && error.fields.some(({ path }) => path === '/token'))
                return setInvalid(true)
              throw error
            }
            session.forget() // all sessions of the account have ended
            await navigate(`${href('/sign-in')}?reset`, { replace: true })
          }}
        >
          {(errors) => (
            <Field
              label={texts.newPassword}
              name="newPassword"
              type="password"
              autoComplete="new-password"
              required
              minLength={8}
              hint={texts.passwordHint}
              error={errors['newPassword']}
            />
          )}
        </ApiForm>
      )}
    </SessionPage>
  )
}
