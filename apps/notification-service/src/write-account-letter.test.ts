import { accountEventTypes, type AccountEventType } from '@halles/contracts/account-events'
import { describe, expect, it } from 'vitest'
import { accountSubjectFor, writeAccountLetter } from './write-account-letter.ts'

const shopUrl = 'https://halles.example/'
const token = '0199a1c3.x-y_z'
const link = { sealed: 'sealed', expiresAt: new Date('2026-11-24T08:30:00.000Z') }

function written(
  type: AccountEventType,
  locale: 'fr' | 'en' = 'fr',
  { name = 'Camille Martin', role = 'user' as 'user' | 'admin', given = { shopUrl, token } as object } = {},
) {
  const subject = accountSubjectFor(type, locale)
  const letter = { name, locale, subject, account: { type, role, link } }
  return { subject, ...writeAccountLetter(letter, given) }
}
const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ')

describe('a letter about an account', () => {
  it.each(accountEventTypes)('says the same as text and as HTML, in both languages: %s', (type) => {
    const fr = written(type)
    const en = written(type, 'en')
    expect(fr.text).toContain('Bonjour Camille Martin,')
    expect(en.text).toContain('Hello Camille Martin,')
    expect(fr.subject).not.toBe(en.subject)
    for (const { text, html } of [fr, en])
      for (const line of plain(text)
        .split('\n')
        .filter((line) => line !== '-- ' && !line.includes('https://')))
        expect(plain(html)).toContain(line.trim())
    expect(fr.html).toContain('<html lang="fr">')
    expect(en.html).toContain('<html lang="en">')
  })

  it.each([
    ['account.password-reset-requested', '/password/reset'],
    ['account.email-verification-requested', '/email/verify'],
    ['account.email-change-requested', '/email/change'],
  ] as const)('%s links to %s, and says until when', (type, page) => {
    const { text, html } = written(type, 'en')
    expect(text).toContain(`https://halles.example${page}#token=${token}\n`)
    expect(html).toContain(`href="https://halles.example${page}#token=${token}"`)
    expect(plain(text)).toContain('Good once only, until 24 Nov 2026, 09:30.')
  })

  it('has a code where there is no page to link to', () => {
    const { text, html } = written('account.password-reset-requested', 'fr', { given: { token } })
    expect(text).toContain(`Votre code : ${token}`)
    expect(html).toContain(`<code>${token}</code>`)
    expect(html).not.toContain('href')
  })

  it('is never written with a link that leads nowhere', () => {
    expect(() => written('account.password-reset-requested', 'fr', { given: { shopUrl } })).toThrow('needs a token')
    expect(written('account.password-changed', 'fr', { given: { shopUrl } }).html).not.toContain('href')
  })

  it('tells of the new role', () => {
    expect(written('account.role-changed', 'en', { role: 'admin' }).text).toContain('that of an administrator')
    expect(written('account.role-changed', 'en').text).toContain('that of a customer')
  })

  it('tells a new address nothing of the account that wants it but a name, and the old one not where letters go', () => {
    const asked = written('account.email-change-requested', 'en')
    expect(asked.text).toContain('because this address was given for an account')
    const changed = written('account.email-changed', 'en')
    expect(changed.text).toContain('because this address was that of an account')
    for (const { text, html } of [asked, changed]) expect(text + html).not.toMatch(/\S@\S/)
  })

  it.each(accountEventTypes)('keeps what people call themselves text: %s', (type) => {
    const { text, html } = written(type, 'fr', { name: '<b>Zoé</b>\r\nBcc: a@b.fr' })
    expect(text).toContain('Bonjour <b>Zoé</b> Bcc: a@b.fr,')
    expect(html).toContain('Bonjour &lt;b&gt;Zoé&lt;/b&gt; Bcc: a@b.fr,')
  })
})
