import { useState } from 'react'
import { mutate } from '../api/api.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { session, type SessionUser } from '../session/session.ts'
import { ApiForm } from '../ui/api-form.tsx'
import { Field } from '../ui/field.tsx'
import { Notice } from '../ui/notice.tsx'
import { SelectField } from '../ui/select-field.tsx'
import { UpdateProfileDocument } from './gen/update-profile.ts'

/** The name, and the language of e-mails. */
export function Profile({ user }: { user: SessionUser }) {
  const { messages } = useI18n()
  const [saved, setSaved] = useState(false)
  const texts = messages.account
  return (
    <div className="flex flex-col gap-5">
      {saved && <Notice tone="ok" title={texts.profileSaved} />}
      <ApiForm
        submit={texts.save}
        look="secondary"
        onSubmit={async ({ name = '', locale }) => {
          setSaved(false)
          await mutate(UpdateProfileDocument, { input: { name, locale: locale === 'en' ? 'EN' : 'FR' } })
          // The access token has the name and the language: services reject it from now on.
          await session.reload()
          setSaved(true)
        }}
      >
        {(errors) => (
          <>
            <Field
              label={messages.session.name}
              name="name"
              autoComplete="name"
              required
              maxLength={100}
              defaultValue={user.name}
              error={errors['name']}
            />
            <SelectField
              label={texts.emailLanguage}
              hint={texts.emailLanguageHint}
              name="locale"
              defaultValue={user.locale}
              error={errors['locale']}
              options={[
                { value: 'fr', label: 'Français' },
                { value: 'en', label: 'English' },
              ]}
            />
          </>
        )}
      </ApiForm>
    </div>
  )
}
