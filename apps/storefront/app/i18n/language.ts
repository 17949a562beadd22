/** The languages of the shop. French is the default: its pages have no prefix. */
export const languages = ['fr', 'en'] as const
export type Language = (typeof languages)[number]

/** The language of a page by its path: `/en` and below are English. */
export const languageOf = (pathname: string): Language =>
  pathname === '/en' || pathname.startsWith('/en/') ? 'en' : 'fr'

/** The path of the same page in another language. */
export function inLanguage(language: Language, pathname: string): string {
  const path = languageOf(pathname) === 'en' ? pathname.slice(3) || '/' : pathname
  return language === 'en' ? (path === '/' ? '/en' : `/en${path}`) : path
}
