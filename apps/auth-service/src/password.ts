import { Refusal } from '@halles/service/refusal'
import { wordsOf } from './user.ts'

const FEWEST = 8
const MOST = 128

/** However a keyboard composes it, it is the same password: normal form KC, as NIST SP 800-63B-4 (3.1.1.2) advises. */
export const typed = (password: string): string => password.normalize('NFKC')

/** Whose password it is to be: what it must not be made of. */
type Owner = { name: string; email: string }

/** Whether a password, in lower case, is among those that are tried first. */
export type IsCommon = (password: string) => Promise<boolean>

/**
 * What is wrong with a new password, as the end of a sentence; undefined when it is a good one by NIST SP 800-63B-4 and
 * OWASP ASVS 5: 8 to 128 characters (code points, in normal form KC) of any kind, and none that a stranger would try
 * first.
 */
export const passwordFault = async (isCommon: IsCommon, password: string, owner: Owner): Promise<string | undefined> =>
  lengthFault(password) ?? ownFault(password, owner) ?? (await commonFault(isCommon, password))

/**
 * Takes a new password if it is a good one.
 *
 * @param path where the password stood in what was sent, for the answer
 * @throws Refusal `VALIDATION_FAILED` that says what is wrong with it.
 */
export async function acceptPassword(isCommon: IsCommon, password: string, owner: Owner, path: string): Promise<void> {
  const message = await passwordFault(isCommon, password, owner)
  if (message) throw new Refusal('VALIDATION_FAILED', `The password ${message}.`, { errors: [{ path, message }] })
}

function lengthFault(password: string): string | undefined {
  const length = Array.from(typed(password)).length
  if (length < FEWEST) return `must have at least ${FEWEST} characters`
  if (length > MOST) return `must have at most ${MOST} characters`
  return undefined
}

/** Figures and signs around a name do not hide it: what is compared is words and letters, and the whole as it stands. */
function ownFault(password: string, { name, email }: Owner): string | undefined {
  const own = [name, email, email.split('@')[0]!, SHOP]
  const ownWords = new Set(own.flatMap(letterWordsOf))
  const words = letterWordsOf(password)
  const whole = typed(password).toLowerCase().trim()
  return own.some((text) => text.toLowerCase() === whole) ||
    (isMost(words, whole) && words.every((word) => ownWords.has(word))) ||
    own.some((text) => isMost(words, whole) && letterWordsOf(text).join('') === words.join(''))
    ? 'is your own name or address, or the name of this shop: choose another'
    : undefined
}

/**
 * Whether words are what a password is made of, and not letters that random figures leave between them: their longest has
 * three letters, and together they are a quarter of it.
 */
const isMost = (words: string[], password: string): boolean =>
  words.some((word) => word.length >= 3) && words.join('').length * 4 >= password.length

const SHOP = 'halles'

const letterWordsOf = (text: string): string[] => wordsOf(text.normalize('NFKC').replaceAll(/\P{L}+/gu, ' '))

const commonFault = async (isCommon: IsCommon, password: string): Promise<string | undefined> =>
  (await isCommon(typed(password).toLowerCase())) ? 'is one of those that are tried first: choose another' : undefined
