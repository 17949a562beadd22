import { useNavigate } from 'react-router'
import { mutate } from '../api/api.ts'
import { describeError, readProblem } from '../api/errors.ts'
import { useI18n } from '../i18n/i18n.tsx'
import { session } from '../session/session.ts'
import { ApiForm } from '../ui/api-form.tsx'
import { Button } from '../ui/button.tsx'
import { Fold } from '../ui/fold.tsx'
import { Notice } from '../ui/notice.tsx'
import { CurrentPasswordField } from './current-password-field.tsx'
import { DeleteAccountDocument } from './gen/delete-account.ts'
import { useAction } from './use-action.ts'

/** Saves what auth-service stores about the user as a file. */
async function downloadData(): Promise<void> {
  const token = await session.accessToken()
  const response = await fetch('/api/me/data', { headers: { authorization: `Bearer ${token}` } })
  if (!response.ok) throw await readProblem(response)
  const url = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = 'halles.json'
  link.click()
  URL.revokeObjectURL(url)
}

/** Downloads what auth-service stores about the user. */
export function DataExport() {
  const { messages } = useI18n()
  const { error, start } = useAction(downloadData)
  return (
    <>
      <p className="mb-4">{messages.account.dataText}</p>
      {error !== undefined && <Notice tone="danger" title={describeError(error, messages)} />}
      <Button look="secondary" onClick={start}>
        {messages.account.download}
      </Button>
    </>
  )
}

/** Deletes the account, after its password. */
export function AccountDeletion() {
  const { messages, href } = useI18n()
  const navigate = useNavigate()
  const texts = messages.account
  return (
    <>
      <p>{texts.deleteText}</p>
      <Fold title={texts.delete}>
        <ApiForm
          submit={texts.deleteConfirm}
          look="danger"
          onSubmit={async ({ password = '' }) => {
            await mutate(DeleteAccountDocument, { password })
            session.forget()
            await navigate(href('/'), { replace: true })
          }}
        >
          {(errors) => <CurrentPasswordField name="password" error={errors['password']} />}
        </ApiForm>
      </Fold>
    </>
  )
}
