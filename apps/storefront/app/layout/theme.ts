/** The themes that a visitor can choose; `system` follows the device. */
export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const STORAGE_KEY = 'halles.theme'

/**
 * A script for the head of the page, which sets the theme before the first paint. Its hash or nonce must be allowed by the
 * Content-Security-Policy.
 */
export const themeScript = `(() => {
  let theme = 'system'
  try { theme = localStorage.getItem('${STORAGE_KEY}') ?? 'system' } catch { /* storage is blocked: the device decides */ }
  const dark = theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
})()`

/** The chosen theme. Only for browsers. */
export function storedTheme(): Theme {
  const stored = localStorage.getItem(STORAGE_KEY)
  return themes.find((theme) => theme === stored) ?? 'system'
}

/** Shows a theme, and keeps it for later visits. */
export function setTheme(theme: Theme): void {
  localStorage.setItem(STORAGE_KEY, theme)
  applyTheme()
}

/** Shows the chosen theme, or the device's. */
export function applyTheme(): void {
  const theme = storedTheme()
  const dark = theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset['theme'] = dark ? 'dark' : 'light'
}
