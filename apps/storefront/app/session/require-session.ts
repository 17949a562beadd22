import { redirect } from 'react-router'
import { inLanguage, languageOf } from '../i18n/language.ts'
import { session } from './session.ts'

/** Leads anonymous visitors to the sign-in page, and back afterwards. */
export async function requireSession(request: Request): Promise<void> {
  const state = await session.ready()
  if (state.status === 'signed-in') return
  const { pathname, search } = new URL(request.url)
  throw redirect(`${inLanguage(languageOf(pathname), '/sign-in')}?next=${encodeURIComponent(pathname + search)}`)
}
