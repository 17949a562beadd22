import { Link, useLocation, useNavigate, useSearchParams } from 'react-router'
import { useI18n } from '../i18n/i18n.tsx'
import { ApiForm } from '../ui/api-form.tsx'
import { Field } from '../ui/field.tsx'
import { nextPage } from './next-page.ts'
import { SessionPage } from './session-page.tsx'
import { session } from './session.ts'

export default function Register() {
  const { language, messages, href } = useI18n()
  const [params] = useSearchParams()
  const navigate = useNavigate()
  const { search } = useLocation()
  const texts = messages.session
  return (
    <SessionPage title={texts.registerTitle}>
      <ApiForm
        submit={texts.register}
        onSubmit={async ({ name = '', email = '', password = '' }) => {
          await session.register({ name, email, password, locale: language })
          await navigate(nextPage(params, href('/')), { replace: true })
        }}
      >
        {(errors) => (
          <>
            <Field label={texts.name} name="name" autoComplete="name" required maxLength={100} error={errors['name']} />
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
              autoComplete="new-password"
              required
              minLength={8}
              hint={texts.passwordHint}
              error={errors['password']}
            />
          </>
        )}
      </ApiForm>
      <p className="mt-5">
        {texts.haveAccount}{' '}
        <Link
          to={`${href('/sign-in')}${search}`}
          className="inline-flex min-h-11 items-center font-semibold text-brand underline underline-offset-4"
        >
          {texts.signIn}
        </Link>
      </p>
    </SessionPage>
  )
}
