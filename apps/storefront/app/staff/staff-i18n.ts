import { createContext, use } from 'react'
import type { Language } from '../i18n/language.ts'
import type { StaffMessages } from './i18n/fr.ts'

/** Loads the desk's texts, which customers never need, in one language. */
export const loadStaffMessages = async (language: Language): Promise<StaffMessages> =>
  language === 'en' ? (await import('./i18n/en.ts')).staffEn : (await import('./i18n/fr.ts')).staffFr

export const StaffMessagesContext = createContext<StaffMessages | undefined>(undefined)

/** The desk's texts in the page's language. For those shared with the shop: useI18n. */
export function useStaffMessages(): StaffMessages {
  const messages = use(StaffMessagesContext)
  if (messages === undefined) throw new Error('useStaffMessages needs the layout of the staff desk above it.')
  return messages
}
