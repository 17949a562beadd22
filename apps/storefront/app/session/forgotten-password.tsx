import { useState } from 'react'
import { mutate } from '../api/api.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { ApiForm } from '../ui/api-form.tsx'
import { Field } from '../ui/field.tsx'
import { Notice } from '../ui/notice.tsx'
import { RequestPasswordResetDocument } from './gen/request-password-reset.ts'
import { SessionPage } from './session-page.tsx'

export default function ForgottenPassword() {
  const { messages } = useI18n()
  const [sent, setSent] = useState(false)
  const texts = messages.session
  return (
    <SessionPage title={texts.forgottenTitle}>
      {sent ? (
        <Notice tone="ok" title={texts.linkSent} />
      ) : (
        <>
          <p className="mb-5 text-muted">{texts.forgottenText}</p>
          <ApiForm
            submit={texts.sendLink}
            onSubmit={async ({ email = '' }) => {
              await mutate(RequestPasswordResetDocument, { email })
              setSent(true)
            }}
          >
            {(errors) => (
              <Field
                label={texts.email}
                name="email"
                type="email"
                autoComplete="username"
                required
                error={errors['email']}
              />
            )}
          </ApiForm>
        </>
      )}
    </SessionPage>
  )
}
