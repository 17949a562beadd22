import { useState } from 'react'
import { useRevalidator } from 'react-router'
import { mutate } from '../api/api.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { ApiForm } from '../ui/api-form.tsx'
import { Field } from '../ui/field.tsx'
import { Notice } from '../ui/notice.tsx'
import { CurrentPasswordField } from './current-password-field.tsx'
import { ChangePasswordDocument } from './gen/change-password.ts'

/** Changes the password, which ends the other sessions. */
export function PasswordChange() {
  const { messages } = useI18n()
  const { revalidate } = useRevalidator()
  const [changes, setChanges] = useState(0)
  return (
    <>
      {changes > 0 && (
        <div className="mb-5">
          <Notice tone="ok" title={messages.account.passwordChanged} />
        </div>
      )}
      {/* A new key empties the fields. */}
      <ApiForm
        key={changes}
        submit={messages.account.save}
        look="secondary"
        onSubmit={async ({ currentPassword = '', newPassword = '' }) => {
          await mutate(ChangePasswordDocument, { input: { currentPassword, newPassword } })
          setChanges(changes + 1)
          await revalidate()
        }}
      >
        {(errors) => (
          <>
            <CurrentPasswordField name="currentPassword" error={errors['currentPassword']} />
            <Field
              label={messages.session.newPassword}
              name="newPassword"
              type="password"
              autoComplete="new-password"
              required
              minLength={8}
              hint={messages.session.passwordHint}
              error={errors['newPassword']}
            />
          </>
        )}
      </ApiForm>
    </>
  )
}
