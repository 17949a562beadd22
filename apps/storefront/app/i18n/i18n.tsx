import { createContext, use, type ReactNode } from 'react'
import { useLocation } from 'react-router'
import { formats, type Formats } from './format.ts'
import type { Messages } from './fr.ts'
import { inLanguage, languageOf, type Language } from './language.ts'

type I18n = {
  language: Language
  messages: Messages
  formats: Formats
  /** The path of a page, given by its French path, in the page's language. */
  href: (path: string) => string
}

/** The texts of the languages that are loaded: both on the server, one in a browser. */
export type LoadedMessages = Partial<Record<Language, Messages>>

export const LoadedMessagesContext = createContext<LoadedMessages>({})

const I18nContext = createContext<I18n | undefined>(undefined)

/** Gives the pages below it their texts and formats, by the language of the URL. */
export function I18nProvider({ children }: { children: ReactNode }) {
  const language = languageOf(useLocation().pathname)
  const messages = use(LoadedMessagesContext)[language]
  if (messages === undefined) throw new Error(`The texts of language ${language} are not loaded.`)
  const value = { language, messages, formats: formats[language], href: (path: string) => inLanguage(language, path) }
  return <I18nContext value={value}>{children}</I18nContext>
}

/** The texts, formats and links of the page's language. */
export function useI18n(): I18n {
  const value = use(I18nContext)
  if (value === undefined) throw new Error('useI18n needs an I18nProvider above it.')
  return value
}
