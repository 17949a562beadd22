import { Link, useLocation, useNavigate, useSearchParams } from 'react-router'
import { useI18n } from '../i18n/i18n.tsx'
import { ApiForm } from '../ui/api-form.tsx'
import { Field } from '../ui/field.tsx'
import { Notice } from '../ui/notice.tsx'
import { nextPage } from './next-page.ts'
import { SessionPage } from './session-page.tsx'
import { session } from './session.ts'

export default function SignIn() {
  const { messages, href } = useI18n()
  const [params] = useSearchParams()
  const navigate = useNavigate()
  const { search } = useLocation()
  const texts = messages.session
  return (
    <SessionPage title={texts.signInTitle}>
      {params.has('ended') && (
        <div className="mb-5">
          <Notice tone="warn" title={texts.signedOutElsewhere} />
        </div>
      )}
      {params.has('reset') && (
        <div className="mb-5">
          <Notice tone="ok" title={texts.resetDone} />
        </div>
      )}
      <ApiForm
        submit={texts.signIn}
        onSubmit={async ({ email = '', password = '' }) => {
          await session.signIn({ email, password })
          await navigate(nextPage(params, href('/')), { replace: true })
        }}
      >
        {(errors) => (
          <>
            <Field
              label={texts.email}
              name="email"
              type="email"
              autoComplete="username"
              required
              error={errors['email']}
            />
            <Field
              label={texts.password}
              name="password"
              type="password"
              autoComplete="current-password"
              required
              error={errors['password']}
            />
          </>
        )}
      </ApiForm>
      <p className="mt-5">
        <Link
          to={href('/password/forgotten')}
          className="inline-flex min-h-11 items-center text-brand underline underline-offset-4"
        >
          {texts.forgotten}
        </Link>
      </p>
      <p>
        {texts.noAccount}{' '}
        <Link
          to={`${href('/register')}${search}`}
          className="inline-flex min-h-11 items-center font-semibold text-brand underline underline-offset-4"
        >
          {texts.createAccount}
        </Link>
      </p>
    </SessionPage>
  )
}
