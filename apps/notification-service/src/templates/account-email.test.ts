import { accountEventTypes, type AccountEventType } from '@halles/contracts/account-events'
import { describe, expect, it } from 'vitest'
import { accountEmailSubject, renderAccountEmail } from './account-email.ts'

const shopUrl = 'https://halles.example/'
const token = '0199a1c3.x-y_z'
const link = { sealed: 'sealed', expiresAt: new Date('2026-11-24T08:30:00.000Z') }

function render(
  type: AccountEventType,
  locale: 'fr' | 'en' = 'fr',
  { name = 'Camille Martin', role = 'user' as 'user' | 'admin', options = { shopUrl, token } as object } = {},
) {
  const subject = accountEmailSubject(type, locale)
  const email = { name, locale, subject, account: { type, role, link } }
  return { subject, ...renderAccountEmail(email, options) }
}
const normalizeSpaces = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ')

describe('renderAccountEmail', () => {
  it.each(accountEventTypes)('puts the same content into text and HTML, in both languages: %s', (type) => {
    const fr = render(type)
    const en = render(type, 'en')
    expect(fr.text).toContain('Bonjour Camille Martin,')
    expect(en.text).toContain('Hello Camille Martin,')
    expect(fr.subject).not.toBe(en.subject)
    for (const { text, html } of [fr, en])
      for (const line of normalizeSpaces(text)
        .split('\n')
        .filter((line) => line !== '-- ' && !line.includes('https://')))
        expect(normalizeSpaces(html)).toContain(line.trim())
    expect(fr.html).toContain('<html lang="fr">')
    expect(en.html).toContain('<html lang="en">')
  })

  it.each([
    ['account.password-reset-requested', '/password/reset'],
    ['account.email-verification-requested', '/email/verify'],
    ['account.email-change-requested', '/email/change'],
  ] as const)('links from %s to %s, with its expiry', (type, page) => {
    const { text, html } = render(type, 'en')
    expect(text).toContain(`https://halles.example${page}#token=${token}\n`)
    expect(html).toContain(`href="https://halles.example${page}#token=${token}"`)
    expect(normalizeSpaces(text)).toContain('Good once only, until 24 Nov 2026, 09:30.')
  })

  it('shows the token as a code without a storefront URL', () => {
    const { text, html } = render('account.password-reset-requested', 'fr', { options: { token } })
    expect(text).toContain(`Votre code : ${token}`)
    expect(html).toContain(`<code>${token}</code>`)
    expect(html).not.toContain('href')
  })

  it('throws when its link has no token', () => {
    expect(() => render('account.password-reset-requested', 'fr', { options: { shopUrl } })).toThrow('needs a token')
    expect(render('account.password-changed', 'fr', { options: { shopUrl } }).html).not.toContain('href')
  })

  it('names the new role', () => {
    expect(render('account.role-changed', 'en', { role: 'admin' }).text).toContain('that of an administrator')
    expect(render('account.role-changed', 'en').text).toContain('that of a customer')
  })

  it('shows no e-mail address to the new or the old address of a changed account', () => {
    const requested = render('account.email-change-requested', 'en')
    expect(requested.text).toContain('because this address was given for an account')
    const changed = render('account.email-changed', 'en')
    expect(changed.text).toContain('because this address was that of an account')
    for (const { text, html } of [requested, changed]) expect(text + html).not.toMatch(/\S@\S/)
  })

  it.each(accountEventTypes)('escapes the name of the recipient: %s', (type) => {
    const { text, html } = render(type, 'fr', { name: '<b>Zoé</b>\r\nBcc: a@b.fr' })
    expect(text).toContain('Bonjour <b>Zoé</b> Bcc: a@b.fr,')
    expect(html).toContain('Bonjour &lt;b&gt;Zoé&lt;/b&gt; Bcc: a@b.fr,')
  })
})
