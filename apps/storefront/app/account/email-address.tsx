import { useState } from 'react'
import { mutate } from '../api/api.ts'
import { describeError } from '../api/errors.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { ApiForm } from '../ui/api-form.tsx'
import { Button } from '../ui/button.tsx'
import { Field } from '../ui/field.tsx'
import { Fold } from '../ui/fold.tsx'
import { Notice } from '../ui/notice.tsx'
import { CurrentPasswordField } from './current-password-field.tsx'
import { RequestEmailChangeDocument } from './gen/request-email-change.ts'
import { RequestEmailVerificationDocument } from './gen/request-email-verification.ts'
import { useAction } from './use-action.ts'

/** The e-mail address of the account: verifying it, and changing it. */
export function EmailAddress({ email, emailVerified }: { email: string; emailVerified: boolean }) {
  return (
    <>
      <p className="[overflow-wrap:anywhere]">
        <bdi>{email}</bdi>
      </p>
      <EmailVerification emailVerified={emailVerified} />
      <EmailChange />
    </>
  )
}

function EmailVerification({ emailVerified }: { emailVerified: boolean }) {
  const { messages } = useI18n()
  const { done, error, start } = useAction(() => mutate(RequestEmailVerificationDocument, {}))
  const texts = messages.account
  if (emailVerified) return <p className="mt-1 font-medium text-ok">{texts.verified}</p>
  return (
    <div className="mt-3 flex flex-col gap-3">
      <p className="font-medium text-warn">{texts.notVerified}</p>
      {error !== undefined && <Notice tone="danger" title={describeError(error, messages)} />}
      {done ? (
        <Notice tone="ok" title={texts.verificationSent} />
      ) : (
        <Button look="secondary" className="self-start" onClick={start}>
          {texts.sendVerification}
        </Button>
      )}
    </div>
  )
}

function EmailChange() {
  const { messages } = useI18n()
  const [sent, setSent] = useState(false)
  const texts = messages.account
  return (
    <Fold title={texts.changeEmail}>
      {sent ? (
        <Notice tone="ok" title={texts.emailRequested} />
      ) : (
        <ApiForm
          submit={messages.session.sendLink}
          look="secondary"
          onSubmit={async ({ email = '', password = '' }) => {
            await mutate(RequestEmailChangeDocument, { email, password })
            setSent(true)
          }}
        >
          {(errors) => (
            <>
              <Field
                label={texts.newEmail}
                name="email"
                type="email"
                autoComplete="email"
                required
                error={errors['email']}
              />
              <CurrentPasswordField name="password" error={errors['password']} />
            </>
          )}
        </ApiForm>
      )}
    </Fold>
  )
}
