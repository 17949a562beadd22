import type { AccountEvent, AccountEventType } from '@halles/contracts/account-events'
import { accountHtmlOf } from './letter-html.ts'
import { oneLine, type AccountNews, type Envelope } from './letter.ts'
import { notation, type Written } from './write-letter.ts'

type Source = Pick<Envelope, 'name' | 'locale' | 'subject'> & { account: AccountNews }

type Role = AccountEvent['data']['user']['role']
type Words = {
  subject: Record<AccountEventType, string>
  news: Record<AccountEventType, (role: Role) => string>
  /** What to do if it comes unexpected. */
  advice: Record<AccountEventType, string>
  /** What a link is for; what comes before a code where there is no page to link to. */
  open: Record<Asking, string>
  code: string
  until: (moment: string) => string
  hello: (name: string) => string
  /** Why it comes to this address. */
  why: Record<AccountEventType, string>
  colon: string
}

/** Letters that want something to be done by a link, and the storefront's page for it. */
const pages = {
  'account.password-reset-requested': '/password/reset',
  'account.email-verification-requested': '/email/verify',
  'account.email-change-requested': '/email/change',
} as const satisfies Partial<Record<AccountEventType, string>>
type Asking = keyof typeof pages

const ownAddress = {
  fr: 'Vous recevez cette lettre parce que cette adresse est celle d’un compte chez Halles.',
  en: 'You receive this letter because this address is that of an account at Halles.',
} as const

const words: Record<Envelope['locale'], Words> = {
  fr: {
    subject: {
      'account.password-reset-requested': 'Choisissez un nouveau mot de passe',
      'account.email-verification-requested': 'Confirmez votre adresse e-mail',
      'account.email-change-requested': 'Confirmez votre nouvelle adresse e-mail',
      'account.password-changed': 'Votre mot de passe a été changé',
      'account.email-changed': 'Votre adresse e-mail a été changée',
      'account.role-changed': 'Vos droits chez Halles ont changé',
    },
    news: {
      'account.password-reset-requested': () =>
        'Quelqu’un, sans doute vous, a demandé un nouveau mot de passe pour votre compte.',
      'account.email-verification-requested': () =>
        'Confirmez que les lettres envoyées à cette adresse vous parviennent bien.',
      'account.email-change-requested': () =>
        'Quelqu’un, sans doute vous, veut que cette adresse devienne celle de son compte chez Halles.',
      'account.password-changed': () => 'Le mot de passe de votre compte vient d’être changé.',
      'account.email-changed': () =>
        'L’adresse e-mail de votre compte vient d’être changée : vous ne vous connectez plus avec celle-ci, et nos lettres vont à la nouvelle.',
      'account.role-changed': (role) =>
        role === 'admin'
          ? 'Votre compte est maintenant celui d’un administrateur.'
          : 'Votre compte est maintenant celui d’un client.',
    },
    advice: {
      'account.password-reset-requested':
        'Si ce n’était pas vous, il n’y a rien à faire : votre mot de passe reste le même.',
      'account.email-verification-requested': 'Si vous n’avez pas de compte chez Halles, ignorez cette lettre.',
      'account.email-change-requested':
        'Si ce n’était pas vous, il n’y a rien à faire : sans ce lien, rien ne change, et si cette adresse a déjà un compte, il reste le vôtre.',
      'account.password-changed':
        'Si ce n’était pas vous, demandez tout de suite un nouveau mot de passe : « Mot de passe oublié ».',
      'account.email-changed': 'Si ce n’était pas vous, parlez-en tout de suite à un administrateur de la boutique.',
      'account.role-changed': 'Si vous ne vous y attendiez pas, parlez-en à un administrateur de la boutique.',
    },
    open: {
      'account.password-reset-requested': 'Choisir un mot de passe',
      'account.email-verification-requested': 'Confirmer mon adresse',
      'account.email-change-requested': 'Confirmer ma nouvelle adresse',
    },
    code: 'Votre code',
    until: (moment) => `Valable une seule fois, jusqu’au ${moment}.`,
    hello: (name) => `Bonjour ${name},`,
    why: {
      'account.password-reset-requested': ownAddress.fr,
      'account.email-verification-requested': ownAddress.fr,
      'account.email-change-requested':
        'Vous recevez cette lettre parce que cette adresse a été donnée pour un compte chez Halles.',
      'account.password-changed': ownAddress.fr,
      'account.email-changed': 'Vous recevez cette lettre parce que cette adresse était celle d’un compte chez Halles.',
      'account.role-changed': ownAddress.fr,
    },
    colon: ' : ',
  },
  en: {
    subject: {
      'account.password-reset-requested': 'Choose a new password',
      'account.email-verification-requested': 'Confirm your e-mail address',
      'account.email-change-requested': 'Confirm your new e-mail address',
      'account.password-changed': 'Your password has been changed',
      'account.email-changed': 'Your e-mail address has been changed',
      'account.role-changed': 'What you may do at Halles has changed',
    },
    news: {
      'account.password-reset-requested': () =>
        'Someone, most likely you, has asked for a new password for your account.',
      'account.email-verification-requested': () => 'Please confirm that you get the letters sent to this address.',
      'account.email-change-requested': () =>
        'Someone, most likely you, wants this address to be that of their account at Halles.',
      'account.password-changed': () => 'The password of your account has just been changed.',
      'account.email-changed': () =>
        'The e-mail address of your account has just been changed: you no longer sign in with this one, and our letters go to the new one.',
      'account.role-changed': (role) =>
        role === 'admin' ? 'Your account is now that of an administrator.' : 'Your account is now that of a customer.',
    },
    advice: {
      'account.password-reset-requested': 'If it was not you, there is nothing to do: your password stays the same.',
      'account.email-verification-requested': 'If you have no account at Halles, ignore this letter.',
      'account.email-change-requested':
        'If it was not you, there is nothing to do: without this link nothing changes, and if this address has an account already, that stays yours.',
      'account.password-changed': 'If it was not you, ask for a new password at once: “Forgotten password”.',
      'account.email-changed': 'If it was not you, tell an administrator of the shop at once.',
      'account.role-changed': 'If you did not expect this, ask an administrator of the shop.',
    },
    open: {
      'account.password-reset-requested': 'Choose a password',
      'account.email-verification-requested': 'Confirm my address',
      'account.email-change-requested': 'Confirm my new address',
    },
    code: 'Your code',
    until: (moment) => `Good once only, until ${moment}.`,
    hello: (name) => `Hello ${name},`,
    why: {
      'account.password-reset-requested': ownAddress.en,
      'account.email-verification-requested': ownAddress.en,
      'account.email-change-requested':
        'You receive this letter because this address was given for an account at Halles.',
      'account.password-changed': ownAddress.en,
      'account.email-changed': 'You receive this letter because this address was that of an account at Halles.',
      'account.role-changed': ownAddress.en,
    },
    colon: ': ',
  },
}

/** The subject of the letter about what became of an account. */
export const accountSubjectFor = (type: AccountEventType, locale: Envelope['locale']): string =>
  words[locale].subject[type]

/**
 * Writes a letter about an account in its reader's language. `token` is what its link carries, behind a `#`, so that it
 * reaches no server before the reader wants it to; without a `shopUrl` the letter has it as a code.
 *
 * @throws Error when its link is to carry a token and there is none.
 */
export function writeAccountLetter(
  letter: Source,
  given: { shopUrl?: string | undefined; token?: string | undefined },
): Written {
  const facts = factsOf(letter, given)
  return { text: textOf(facts), html: accountHtmlOf(facts) }
}

export type AccountFacts = ReturnType<typeof factsOf>

function factsOf(letter: Source, given: Parameters<typeof writeAccountLetter>[1]) {
  const { account, name, locale, subject } = letter
  const say = words[locale]
  return {
    locale,
    subject,
    hello: say.hello(oneLine(name)),
    news: say.news[account.type](account.role),
    way: wayOf(letter, given),
    advice: say.advice[account.type],
    why: say.why[account.type],
    colon: say.colon,
  }
}

/** Where the letter's link leads, or the code that stands for it; undefined when there is nothing to do. */
function wayOf(
  { account: { type, link }, locale }: Source,
  { shopUrl, token }: Parameters<typeof writeAccountLetter>[1],
) {
  if (!isAsking(type)) return undefined
  if (!link || token === undefined) throw new Error(`a letter of ${type} needs a token`)
  const say = words[locale]
  const page = shopUrl && `${shopUrl.replace(/\/+$/, '')}${pages[type]}#token=${encodeURIComponent(token)}`
  return {
    label: page ? say.open[type] : say.code,
    link: page,
    code: token,
    until: say.until(notation[locale].moment.format(link.expiresAt)),
  }
}

const isAsking = (type: AccountEventType): type is Asking => type in pages

function textOf({ hello, news, way, advice, why, colon }: AccountFacts): string {
  return [
    hello,
    '',
    news,
    '',
    ...(way ? [`${way.label}${colon}${way.link ?? way.code}`, way.until, ''] : []),
    advice,
    '',
    '-- ',
    'Halles',
    why,
    '',
  ].join('\n')
}
