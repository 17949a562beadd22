import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import satisfies from 'spdx-satisfies'
import { root } from './workspace.ts'

/** Licences under which a package may be used and passed on with a product that is Apache-2.0, by their SPDX names. */
const allowed = [
  'MIT',
  'MIT-0',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'Unlicense',
  'Python-2.0',
  // Of files, not of programs: what is changed in them is published.
  'MPL-2.0',
  // Of data: named, or given away.
  'CC-BY-3.0',
  'CC-BY-4.0',
  'CC0-1.0',
]

/** Packages under another licence, and why they may be here all the same. */
const exceptions: Record<string, { licence: string; because: string }> = Object.fromEntries(
  ['composition', 'federation-internals', 'gateway', 'query-graphs', 'query-planner'].map((name) => [
    `@apollo/${name}`,
    { licence: 'Elastic-2.0', because: 'may be used and shipped, not sold as a hosted service of its own' },
  ]),
)

type Locked = { version?: string; license?: string; link?: boolean; hasInstallScript?: boolean }

const read = (file: string): unknown => JSON.parse(readFileSync(path.join(root, file), 'utf8'))

const locked = () => (read('package-lock.json') as { packages: Record<string, Locked> }).packages

const nameOf = (place: string): string | undefined => /node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(place)?.[1]

/** All that package-lock.json installs, by licence, the most frequent first, and a line for each that is not allowed. */
export function licences(): { groups: { licence: string; names: string[] }[]; refused: string[] } {
  const groups = new Map<string, Set<string>>()
  const refused: string[] = []
  for (const [place, { license, version = '', link }] of Object.entries(locked())) {
    const name = nameOf(place)
    if (name === undefined || link) continue
    const licence = license ?? licenceIn(place)
    groups.set(licence, (groups.get(licence) ?? new Set()).add(name))
    if (!isAllowed(licence) && exceptions[name]?.licence !== licence)
      refused.push(`${name} ${version} is under ${licence}`)
  }
  const sorted = [...groups].toSorted(([, one], [, other]) => other.size - one.size)
  return { groups: sorted.map(([licence, names]) => ({ licence, names: [...names].toSorted() })), refused }
}

/** What a package says of itself in the old way, which the lock file leaves out. */
function licenceIn(place: string): string {
  const file = path.join(place, 'package.json')
  if (!existsSync(path.join(root, file))) return 'no licence that is known here: it is not installed'
  const { licenses } = read(file) as { licenses?: { type: string }[] }
  return licenses?.map(({ type }) => type).join(' OR ') ?? 'no licence'
}

function isAllowed(licence: string): boolean {
  try {
    return satisfies(licence, allowed)
  } catch {
    return false // no SPDX expression
  }
}

/**
 * A line for each package whose install script package.json does not deny, and one when .npmrc does not deny all of them,
 * for an npm that does not read that.
 */
export function scriptsNotDenied(): string[] {
  const { allowScripts } = read('package.json') as { allowScripts: Record<string, boolean> }
  const named = Object.entries(locked())
    .filter(([place, { hasInstallScript }]) => hasInstallScript && allowScripts[nameOf(place) ?? ''] !== false)
    .map(([place]) => `${nameOf(place)} runs a script when it is installed: npm install-scripts deny ${nameOf(place)}`)
  const all = /^ignore-scripts=true$/m.test(readFileSync(path.join(root, '.npmrc'), 'utf8'))
  return all ? named : [...named, '.npmrc does not say ignore-scripts=true: npm before 12 would run scripts']
}
