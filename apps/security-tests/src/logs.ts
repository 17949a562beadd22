import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Place } from './place.ts'

/** What no line of a log may have in it: a name of each, and how it looks. */
const shapes: Record<string, RegExp> = {
  'an e-mail address': /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/,
  'a token': /eyJ[\w-]{10,}\.[\w-]*/,
  'a hash of a password': /\$argon2/,
  'a private key': /-----BEGIN [A-Z ]*PRIVATE KEY/,
  'a password in a URL': /\w+:\/\/[^\s/:@"]+:[^\s/@"]+@/,
  'a header that signs': /"(?:authorization|cookie|set-cookie|x-gateway-secret|x-peer-secret)"\s*:/i,
}

/** The secrets of a shop that are known, by name. */
export const secretsOf = ({ admin, peerSecret }: Place): Record<string, string> => ({
  'the admin’s password': admin.password,
  ...(peerSecret !== undefined && { 'the secret of peers': peerSecret }),
  // What is typed in the corpus and by people.ts.
  'someone’s password': 'pantoufle',
  'someone’s name': 'Sacha',
})

/** Where the logs of a folder tell what they may not, or have a line that is none: a sentence each. */
export async function placesOfSecrets(folder: string, secrets: Record<string, string>): Promise<string[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.log'))
  const found = await Promise.all(
    files.map(async (file) => {
      const lines = (await readFile(path.join(folder, file), 'utf8')).split('\n').filter(Boolean)
      return lines.flatMap((line, i) => faultsIn(line, secrets).map((what) => `${file}:${i + 1} has ${what}`))
    }),
  )
  return found.flat()
}

export function faultsIn(line: string, secrets: Record<string, string>): string[] {
  const shown = Object.entries(shapes).filter(([, shape]) => shape.test(line))
  const told = Object.entries(secrets).filter(([, secret]) => line.includes(secret))
  return [
    ...[...shown, ...told].map(([name]) => name),
    ...(line.includes('\u001b') ? ['an escape sequence'] : []),
    ...(isLine(line) ? [] : ['a line that no service writes']),
  ]
}

/** Lines are JSON objects of a service; a line that someone slipped in would be of none. */
function isLine(line: string): boolean {
  try {
    const { service, time } = JSON.parse(line) as { service?: unknown; time?: unknown }
    return typeof service === 'string' && typeof time === 'string'
  } catch {
    return false
  }
}
