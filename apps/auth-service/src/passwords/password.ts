import { AppError } from '@halles/errors/app-error'
import { toSearchWords } from '../accounts/user.ts'

const MIN_LENGTH = 8
const MAX_LENGTH = 128

/**
 * The form in which passwords are hashed and compared: NFKC, as NIST SP 800-63B-4 (3.1.1.2) recommends, so that it does not
 * matter how a keyboard composes a character.
 */
export const normalizePassword = (password: string): string => password.normalize('NFKC')

/** The owner of a password, from whose data it must not be made. */
type Owner = { name: string; email: string }

/** Whether a normalized password in lower case is in the list of common passwords. */
export type IsCommonPassword = (password: string) => Promise<boolean>

/**
 * Finds what is wrong with a new password by NIST SP 800-63B-4 and OWASP ASVS 5: it must have 8 to 128 characters (code
 * points after NFKC) of any kind, and must be neither a common password nor made of the owner's name, address or this shop's
 * name.
 *
 * @returns the end of a sentence that begins with "The password"; undefined for an acceptable password
 */
export const findPasswordFault = async (
  isCommonPassword: IsCommonPassword,
  password: string,
  owner: Owner,
): Promise<string | undefined> =>
  findLengthFault(password) ?? findOwnerFault(password, owner) ?? (await findCommonFault(isCommonPassword, password))

/**
 * Checks a new password by the rules of `findPasswordFault`.
 *
 * @param path the JSON pointer to the password in the input, for the field error
 * @throws AppError `VALIDATION_FAILED` that says what is wrong.
 */
export async function checkNewPassword(
  isCommonPassword: IsCommonPassword,
  password: string,
  owner: Owner,
  path: string,
): Promise<void> {
  const message = await findPasswordFault(isCommonPassword, password, owner)
  if (message) throw new AppError('VALIDATION_FAILED', `The password ${message}.`, { errors: [{ path, message }] })
}

function findLengthFault(password: string): string | undefined {
  const length = Array.from(normalizePassword(password)).length
  if (length < MIN_LENGTH) return `must have at least ${MIN_LENGTH} characters`
  if (length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`
  return undefined
}

/** Compares words of letters, and the whole text: digits and punctuation around a name do not make it acceptable. */
function findOwnerFault(password: string, { name, email }: Owner): string | undefined {
  const ownTexts = [name, email, email.split('@')[0]!, SHOP]
  const ownWords = new Set(ownTexts.flatMap(toLetterWords))
  const words = toLetterWords(password)
  const whole = normalizePassword(password).toLowerCase().trim()
  return ownTexts.some((text) => text.toLowerCase() === whole) ||
    (areSubstantial(words, whole) && words.every((word) => ownWords.has(word))) ||
    ownTexts.some((text) => areSubstantial(words, whole) && toLetterWords(text).join('') === words.join(''))
    ? 'is your own name or address, or the name of this shop: choose another'
    : undefined
}

/**
 * Whether words are a substantial part of a password, not single letters between random digits: the longest has at least
 * three letters, and together they are at least a quarter of the password.
 */
const areSubstantial = (words: string[], password: string): boolean =>
  words.some((word) => word.length >= 3) && words.join('').length * 4 >= password.length

const SHOP = 'halles'

const toLetterWords = (text: string): string[] => toSearchWords(text.normalize('NFKC').replaceAll(/\P{L}+/gu, ' '))

const findCommonFault = async (isCommonPassword: IsCommonPassword, password: string): Promise<string | undefined> =>
  (await isCommonPassword(normalizePassword(password).toLowerCase()))
    ? 'is a commonly used one: choose another'
    : undefined
