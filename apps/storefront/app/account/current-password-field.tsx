import { useI18n } from '../i18n/i18n.tsx'
import { Field } from '../ui/field.tsx'

/** The field for the present password, as proof of identity. */
export function CurrentPasswordField({ name, error }: { name: string; error: string | undefined }) {
  const { messages } = useI18n()
  return (
    <Field
      label={messages.session.currentPassword}
      name={name}
      type="password"
      autoComplete="current-password"
      required
      error={error}
    />
  )
}
