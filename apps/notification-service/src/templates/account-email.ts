import type { AccountEvent, AccountEventType } from '@halles/contracts/account-events'
import { toSingleLine, type AccountContent, type EmailBase } from '../emails/email.ts'
import { formats } from './formats.ts'
import { button, html, renderLayout, type RenderedEmail } from './layout.ts'

/** The fields of an e-mail that its template uses. */
type Source = Pick<EmailBase, 'name' | 'locale' | 'subject'> & { account: AccountContent }

type LinkOptions = { shopUrl?: string | undefined; token?: string | undefined }

type Role = AccountEvent['data']['user']['role']
type Phrases = {
  subject: Record<AccountEventType, string>
  message: Record<AccountEventType, (role: Role) => string>
  /** What to do when the recipient does not expect the e-mail. */
  advice: Record<AccountEventType, string>
  linkLabel: Record<LinkEventType, string>
  /** The label of the token where there is no storefront to link to. */
  codeLabel: string
  validUntil: (dateTime: string) => string
  greeting: (name: string) => string
  /** Why the recipient gets this e-mail. */
  reason: Record<AccountEventType, string>
  colon: string
}

/** The events whose e-mail has a link, and the storefront's page that it opens. */
const linkPaths = {
  'account.password-reset-requested': '/password/reset',
  'account.email-verification-requested': '/email/verify',
  'account.email-change-requested': '/email/change',
} as const satisfies Partial<Record<AccountEventType, string>>
type LinkEventType = keyof typeof linkPaths

const accountAddress = {
  fr: 'Vous recevez cette lettre parce que cette adresse est celle d’un compte chez Halles.',
  en: 'You receive this letter because this address is that of an account at Halles.',
} as const

const phrases: Record<EmailBase['locale'], Phrases> = {
  fr: {
    subject: {
      'account.password-reset-requested': 'Choisissez un nouveau mot de passe',
      'account.email-verification-requested': 'Confirmez votre adresse e-mail',
      'account.email-change-requested': 'Confirmez votre nouvelle adresse e-mail',
      'account.password-changed': 'Votre mot de passe a été changé',
      'account.email-changed': 'Votre adresse e-mail a été changée',
      'account.role-changed': 'Vos droits chez Halles ont changé',
    },
    message: {
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
    linkLabel: {
      'account.password-reset-requested': 'Choisir un mot de passe',
      'account.email-verification-requested': 'Confirmer mon adresse',
      'account.email-change-requested': 'Confirmer ma nouvelle adresse',
    },
    codeLabel: 'Votre code',
    validUntil: (dateTime) => `Valable une seule fois, jusqu’au ${dateTime}.`,
    greeting: (name) => `Bonjour ${name},`,
    reason: {
      'account.password-reset-requested': accountAddress.fr,
      'account.email-verification-requested': accountAddress.fr,
      'account.email-change-requested':
        'Vous recevez cette lettre parce que cette adresse a été donnée pour un compte chez Halles.',
      'account.password-changed': accountAddress.fr,
      'account.email-changed': 'Vous recevez cette lettre parce que cette adresse était celle d’un compte chez Halles.',
      'account.role-changed': accountAddress.fr,
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
    message: {
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
    linkLabel: {
      'account.password-reset-requested': 'Choose a password',
      'account.email-verification-requested': 'Confirm my address',
      'account.email-change-requested': 'Confirm my new address',
    },
    codeLabel: 'Your code',
    validUntil: (dateTime) => `Good once only, until ${dateTime}.`,
    greeting: (name) => `Hello ${name},`,
    reason: {
      'account.password-reset-requested': accountAddress.en,
      'account.email-verification-requested': accountAddress.en,
      'account.email-change-requested':
        'You receive this letter because this address was given for an account at Halles.',
      'account.password-changed': accountAddress.en,
      'account.email-changed': 'You receive this letter because this address was that of an account at Halles.',
      'account.role-changed': accountAddress.en,
    },
    colon: ': ',
  },
}

/** The subject of the e-mail about an account event. */
export const accountEmailSubject = (type: AccountEventType, locale: EmailBase['locale']): string =>
  phrases[locale].subject[type]

/**
 * Renders an e-mail about an account in its holder's language. The link carries `token` in its fragment, which no server
 * receives unless the page sends it. Without `shopUrl`, the e-mail shows the token as a code.
 *
 * @throws Error when the event type needs a token and none is given.
 */
export function renderAccountEmail(email: Source, options: LinkOptions): RenderedEmail {
  const model = toModel(email, options)
  return { text: renderText(model), html: renderHtml(model) }
}

/** What the plain text and the HTML show, formatted for the recipient's locale. */
type Model = ReturnType<typeof toModel>

function toModel(email: Source, options: LinkOptions) {
  const { account, name, locale, subject } = email
  const { greeting, message, advice, reason, colon } = phrases[locale]
  return {
    locale,
    subject,
    greeting: greeting(toSingleLine(name)),
    message: message[account.type](account.role),
    action: toAction(email, options),
    advice: advice[account.type],
    reason: reason[account.type],
    colon,
  }
}

/** What the recipient is asked to do: the link, or the code that replaces it; undefined when the e-mail only informs. */
function toAction({ account: { type, link }, locale }: Source, { shopUrl, token }: LinkOptions) {
  if (!hasLink(type)) return undefined
  if (!link || token === undefined) throw new Error(`an e-mail about ${type} needs a token`)
  const { linkLabel, codeLabel, validUntil } = phrases[locale]
  const url = shopUrl && `${shopUrl.replace(/\/+$/, '')}${linkPaths[type]}#token=${encodeURIComponent(token)}`
  return {
    label: url ? linkLabel[type] : codeLabel,
    link: url,
    code: token,
    validUntil: validUntil(formats[locale].dateTime.format(link.expiresAt)),
  }
}

const hasLink = (type: AccountEventType): type is LinkEventType => type in linkPaths

function renderText({ greeting, message, action, advice, reason, colon }: Model): string {
  return [
    greeting,
    '',
    message,
    '',
    ...(action ? [`${action.label}${colon}${action.link ?? action.code}`, action.validUntil, ''] : []),
    advice,
    '',
    '-- ',
    'Halles',
    reason,
    '',
  ].join('\n')
}

function renderHtml({ action, advice, ...frame }: Model): string {
  const linkOrCode =
    action &&
    (action.link
      ? button(action.link, action.label)
      : html`<p>${action.label}</p>
          <p><code>${action.code}</code></p>`)
  return renderLayout(
    frame,
    html`${linkOrCode ? [linkOrCode, html`<p style="margin:16px 0 0">${action.validUntil}</p>`] : []}
      <p style="margin:16px 0 0">${advice}</p>`,
  )
}
