import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import satisfies from 'spdx-satisfies'
import { root } from './workspace.ts'

/** SPDX identifiers of the licences that are compatible with a product under Apache-2.0. */
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
  // Weak copyleft: it applies to the licensed files only.
  'MPL-2.0',
  // For data: attribution or public domain.
  'CC-BY-3.0',
  'CC-BY-4.0',
  'CC0-1.0',
]

const apollo = { licence: 'Elastic-2.0', because: 'may be used and shipped, not sold as a hosted service of its own' }

/** The licence of libvips and what it is linked with, for packages of the platforms that contain it. */
const libvips = (licence: string) => ({
  licence,
  because: 'a shared library that is used unmodified, as a file of its own that can be replaced',
})

/** Packages under another licence, and why they are allowed. */
const exceptions: Record<string, { licence: string; because: string }> = {
  ...Object.fromEntries(
    ['composition', 'federation-internals', 'gateway', 'query-graphs', 'query-planner'].map((name) => [
      `@apollo/${name}`,
      apollo,
    ]),
  ),
  ...Object.fromEntries(
    [
      'darwin-arm64',
      'darwin-x64',
      'linux-arm',
      'linux-arm64',
      'linux-ppc64',
      'linux-riscv64',
      'linux-s390x',
      'linux-x64',
      'linuxmusl-arm64',
      'linuxmusl-x64',
    ].map((platform) => [`@img/sharp-libvips-${platform}`, libvips('LGPL-3.0-or-later')]),
  ),
  ...Object.fromEntries(
    ['arm64', 'ia32', 'x64'].map((cpu) => [`@img/sharp-win32-${cpu}`, libvips('Apache-2.0 AND LGPL-3.0-or-later')]),
  ),
  '@img/sharp-wasm32': libvips('Apache-2.0 AND LGPL-3.0-or-later AND MIT'),
}

type Locked = { version?: string; license?: string; link?: boolean; hasInstallScript?: boolean }

const read = (file: string): unknown => JSON.parse(readFileSync(path.join(root, file), 'utf8'))

const locked = () => (read('package-lock.json') as { packages: Record<string, Locked> }).packages

const packageName = (location: string): string | undefined => /node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(location)?.[1]

/** Groups the packages in package-lock.json by licence, the most frequent first, and lists those that are not allowed. */
export function licences(): { groups: { licence: string; names: string[] }[]; refused: string[] } {
  const groups = new Map<string, Set<string>>()
  const refused: string[] = []
  for (const [location, { license, version = '', link }] of Object.entries(locked())) {
    const name = packageName(location)
    if (name === undefined || link) continue
    const licence = license ?? installedLicence(location)
    groups.set(licence, (groups.get(licence) ?? new Set()).add(name))
    if (!isAllowed(licence) && exceptions[name]?.licence !== licence)
      refused.push(`${name} ${version} is under ${licence}`)
  }
  const sorted = [...groups].toSorted(([, one], [, other]) => other.size - one.size)
  return { groups: sorted.map(([licence, names]) => ({ licence, names: [...names].toSorted() })), refused }
}

/** The licence in the deprecated field `licenses` of a package.json, which package-lock.json does not have. */
function installedLicence(location: string): string {
  const file = path.join(location, 'package.json')
  if (!existsSync(path.join(root, file))) return 'an unknown licence: it is not installed'
  const { licenses } = read(file) as { licenses?: { type: string }[] }
  return licenses?.map(({ type }) => type).join(' OR ') ?? 'no licence'
}

function isAllowed(licence: string): boolean {
  try {
    return satisfies(licence, allowed)
  } catch {
    return false // It is not an SPDX expression.
  }
}

/**
 * Lists the packages whose install script is not denied in package.json. Adds a line when .npmrc does not deny all of them,
 * which versions of npm without `allowScripts` need.
 */
export function undeniedInstallScripts(): string[] {
  const { allowScripts } = read('package.json') as { allowScripts: Record<string, boolean> }
  const undenied = Object.entries(locked())
    .filter(
      ([location, { hasInstallScript }]) => hasInstallScript && allowScripts[packageName(location) ?? ''] !== false,
    )
    .map(
      ([location]) =>
        `${packageName(location)} runs a script when it is installed: npm install-scripts deny ${packageName(location)}`,
    )
  const all = /^ignore-scripts=true$/m.test(readFileSync(path.join(root, '.npmrc'), 'utf8'))
  return all ? undenied : [...undenied, '.npmrc does not say ignore-scripts=true: npm before 12 would run scripts']
}
