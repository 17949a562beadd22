import { setNonce } from 'get-nonce'
import { StrictMode, startTransition } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { HydratedRouter } from 'react-router/dom'
import { languageOf } from './i18n/language.ts'
import { LoadedMessagesContext, type LoadedMessages } from './i18n/i18n.tsx'

/** Loads the texts of the page's language only. */
const loadMessages = async (): Promise<LoadedMessages> =>
  languageOf(location.pathname) === 'en'
    ? { en: (await import('./i18n/en.ts')).en }
    : { fr: (await import('./i18n/fr.ts')).fr }

// Styles that Radix adds while a dialog is open need the page's nonce.
setNonce(document.querySelector<HTMLScriptElement>('script[nonce]')?.nonce ?? '')

const loaded = await loadMessages()

startTransition(() => {
  hydrateRoot(
    document,
    <StrictMode>
      <LoadedMessagesContext value={loaded}>
        <HydratedRouter />
      </LoadedMessagesContext>
    </StrictMode>,
  )
})
