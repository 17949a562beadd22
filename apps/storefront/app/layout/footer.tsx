import { useEffect, useState } from 'react'
import { Link, useLocation } from 'react-router'
import { useI18n } from '../i18n/i18n.tsx'
import { inLanguage } from '../i18n/language.ts'
import { Logo } from './logo.tsx'
import { applyTheme, setTheme, storedTheme, themes, type Theme } from './theme.ts'

const link = 'inline-flex min-h-11 items-center underline-offset-4 hover:underline'

export function Footer() {
  const { language, messages, href } = useI18n()
  const { pathname, search } = useLocation()
  const other = language === 'fr' ? 'en' : 'fr'
  return (
    <footer className="border-t border-line bg-sunken">
      <div className="mx-auto flex max-w-6xl flex-wrap items-center gap-x-8 gap-y-2 px-4 py-8">
        <div className="mr-auto text-brand">
          <Logo />
          <p className="mt-1 text-sm text-muted">{messages.shop.tagline}</p>
        </div>
        <Link to={href('/products')} className={link}>
          {messages.nav.products}
        </Link>
        <a href="/developers" className={link}>
          {messages.nav.developers}
        </a>
        {/* The texts of a language are loaded with its document. */}
        <Link
          to={`${inLanguage(other, pathname)}${search}`}
          reloadDocument
          hrefLang={other}
          lang={other}
          aria-label={messages.nav.languageLabel}
          className={link}
        >
          {messages.nav.language}
        </Link>
        <ThemeChoice />
      </div>
    </footer>
  )
}

function ThemeChoice() {
  const { messages } = useI18n()
  const [theme, choose] = useState<Theme>('system')
  useEffect(() => {
    choose(storedTheme())
    const device = matchMedia('(prefers-color-scheme: dark)')
    device.addEventListener('change', applyTheme)
    return () => device.removeEventListener('change', applyTheme)
  }, [])
  return (
    <label className="inline-flex items-center gap-2">
      <span>{messages.nav.theme}</span>
      <select
        value={theme}
        className="min-h-11 rounded-lg border border-control bg-surface px-2"
        onChange={({ target }) => {
          const chosen = target.value as Theme
          choose(chosen)
          setTheme(chosen)
        }}
      >
        {themes.map((one) => (
          <option key={one} value={one}>
            {messages.nav[one]}
          </option>
        ))}
      </select>
    </label>
  )
}
