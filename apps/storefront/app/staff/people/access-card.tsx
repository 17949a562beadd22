import { useState } from 'react'
import { useRevalidator } from 'react-router'
import { mutate } from '../../api/api.ts'
import { describeError } from '../../api/errors.ts'
import type { Role } from '../../gen/schema.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { Button } from '../../ui/button.tsx'
import { ConfirmButton } from '../../ui/confirm-button.tsx'
import { Notice } from '../../ui/notice.tsx'
import { card } from '../list.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import { SetActiveDocument } from './gen/set-active.ts'
import { SetRoleDocument } from './gen/set-role.ts'

type Props = { person: { id: string; role: Role; active: boolean }; isSelf: boolean }

/** What a person may do, and whether they may sign in. Nobody changes that of their own account. */
export function AccessCard({ person: { id, role, active }, isSelf }: Props) {
  const { messages } = useI18n()
  const { people: texts } = useStaffMessages()
  const { revalidate } = useRevalidator()
  const [state, setState] = useState<{ done: boolean; error?: unknown }>({ done: false })
  const run = async (change: () => Promise<unknown>): Promise<void> => {
    try {
      await change()
      setState({ done: true })
    } catch (error) {
      setState({ done: false, error })
    }
    await revalidate()
  }
  const setRole = (next: Role) => (): void => void run(() => mutate(SetRoleDocument, { id, role: next }))
  const setActive = (next: boolean) => (): void => void run(() => mutate(SetActiveDocument, { id, active: next }))
  return (
    <section aria-labelledby="access" className={`${card} flex flex-col gap-3 p-5`}>
      <h2 id="access" className="text-xl font-bold">
        {texts.access}
      </h2>
      {state.done && <Notice tone="ok" title={texts.changed} />}
      {state.error !== undefined && <Notice tone="danger" title={describeError(state.error, messages)} />}
      {isSelf && <p className="text-muted">{texts.you}</p>}
      {!isSelf &&
        (role === 'ADMIN' ? (
          <ConfirmButton
            label={texts.makeUser}
            title={texts.makeUserTitle}
            text={texts.makeUserText}
            keep={texts.keep}
            look="secondary"
            onConfirm={setRole('USER')}
          />
        ) : (
          <ConfirmButton
            label={texts.makeAdmin}
            title={texts.makeAdminTitle}
            text={texts.makeAdminText}
            keep={texts.keep}
            look="secondary"
            onConfirm={setRole('ADMIN')}
          />
        ))}
      {!isSelf &&
        (active ? (
          <ConfirmButton
            label={texts.deactivate}
            title={texts.deactivateTitle}
            text={texts.deactivateText}
            keep={texts.keep}
            onConfirm={setActive(false)}
          />
        ) : (
          <Button look="secondary" onClick={setActive(true)}>
            {texts.reactivate}
          </Button>
        ))}
    </section>
  )
}
