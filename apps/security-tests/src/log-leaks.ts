import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { ShopUnderTest } from './shop-under-test.ts'

/** Patterns of personal data and secrets that no log line may contain. */
const leakPatterns: Record<string, RegExp> = {
  'an e-mail address': /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/,
  'a token': /eyJ[\w-]{10,}\.[\w-]*/,
  'a password hash': /\$argon2/,
  'a private key': /-----BEGIN [A-Z ]*PRIVATE KEY/,
  'a password in a URL': /\w+:\/\/[^\s/:@"]+:[^\s/@"]+@/,
  'a header with credentials': /"(?:authorization|cookie|set-cookie|x-gateway-secret|x-peer-secret)"\s*:/i,
}

/** The known secrets and personal data of a shop after the tests, by a label. */
export const knownSecrets = ({ admin, peerSecret }: ShopUnderTest): Record<string, string> => ({
  'the admin’s password': admin.password,
  ...(peerSecret !== undefined && { 'the peer secret': peerSecret }),
  // Every password and name of fixtures/users.ts contains these.
  'a user’s password': 'pantoufle',
  'a user’s name': 'Sacha',
})

/** Finds log lines in a folder that contain a leak or were not written by a service. Returns a sentence for each. */
export async function findLogLeaks(folder: string, secrets: Record<string, string>): Promise<string[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.log'))
  const found = await Promise.all(
    files.map(async (file) => {
      const lines = (await readFile(path.join(folder, file), 'utf8')).split('\n').filter(Boolean)
      return lines.flatMap((line, i) => findLeaks(line, secrets).map((leak) => `${file}:${i + 1} contains ${leak}`))
    }),
  )
  return found.flat()
}

/** The labels of the leaks in a log line. */
export function findLeaks(line: string, secrets: Record<string, string>): string[] {
  const matchedPatterns = Object.entries(leakPatterns).filter(([, pattern]) => pattern.test(line))
  const containedSecrets = Object.entries(secrets).filter(([, secret]) => line.includes(secret))
  return [
    ...[...matchedPatterns, ...containedSecrets].map(([label]) => label),
    ...(line.includes('\u001b') ? ['an escape sequence'] : []),
    ...(isServiceLine(line) ? [] : ['a line that no service has written']),
  ]
}

/** Whether a line is a JSON object of a service's logger; an injected line is not. */
function isServiceLine(line: string): boolean {
  try {
    const { service, time } = JSON.parse(line) as { service?: unknown; time?: unknown }
    return typeof service === 'string' && typeof time === 'string'
  } catch {
    return false
  }
}
