// Who may use whom. Read from each package.json: the dependencies it declares and its nx.tags; and from the fences below.
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { root } from './generated.ts'

type Manifest = {
  name: string
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  nx?: { tags?: string[] }
  /** The source files, without `.ts`, that may know the database. */
  stores?: string[]
}
type Project = { folder: string; manifest: Manifest; tags: string[]; declared: Set<string> }

/** For each kind of project, the kinds that its sources may import; tests may import `scope:dev` too. */
const mayUse: Record<string, string[]> = {
  'type:app': ['type:lib', 'type:contracts'],
  'type:e2e': ['type:lib', 'type:contracts'],
  'type:lib': ['type:lib', 'type:contracts'],
  'type:contracts': [],
}

/** Things that few files may touch: what to look for, and where it is at home. */
const fences: { what: string; pattern: RegExp; home: (file: string, project: Project) => boolean }[] = [
  {
    what: 'mongodb belongs in a store (list it under "stores" in package.json)',
    pattern: /from 'mongodb'/,
    home: (file, { manifest }) =>
      isTest(file) || isDev(manifest) || (manifest.stores ?? []).includes(path.basename(file, '.ts')),
  },
  {
    what: 'kafkajs belongs in packages/service/src/kafka.ts',
    pattern: /from 'kafkajs'/,
    home: (file, { manifest }) => isTest(file) || file.endsWith('/service/src/kafka.ts') || isDev(manifest),
  },
  {
    what: 'process.env belongs in config.ts (main.ts hands it over)',
    pattern: /process\.env\b/,
    home: (file, { manifest }) => /\/(config|main)\.ts$/.test(file) || isTest(file) || isDev(manifest),
  },
]

const isTest = (file: string): boolean => file.endsWith('.test.ts')
const isDev = ({ nx }: Manifest): boolean => nx?.tags?.includes('scope:dev') ?? false

function projects(): Map<string, Project> {
  const found = new Map<string, Project>()
  for (const file of globSync('{apps,packages}/*/package.json', { cwd: root })) {
    const manifest = JSON.parse(readFileSync(path.join(root, file), 'utf8')) as Manifest
    found.set(manifest.name, {
      folder: path.dirname(file),
      manifest,
      tags: manifest.nx?.tags ?? [],
      declared: new Set(Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })),
    })
  }
  return found
}

const IMPORT = /^(?:import|export)\s(?:[^'"=;]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm

/** Every place where a project reaches where it may not, a sentence each. */
export function trespasses(): string[] {
  const all = projects()
  const complaints: string[] = []
  for (const project of all.values())
    for (const file of globSync('src/**/*.ts', { cwd: path.join(root, project.folder) })) {
      if (file.includes('/gen/')) continue
      const where = `${project.folder}/${file}`
      const source = readFileSync(path.join(root, where), 'utf8')
      for (const { what, pattern, home } of fences)
        if (pattern.test(source) && !home(where, project)) complaints.push(`${where}: ${what}`)
      for (const [, imported, dynamic] of source.matchAll(IMPORT)) {
        const complaint = trespass(project, where, imported ?? dynamic!, all)
        if (complaint) complaints.push(`${where}: ${complaint}`)
      }
    }
  return complaints
}

function trespass(project: Project, where: string, specifier: string, all: Map<string, Project>): string | undefined {
  if (specifier.startsWith('.')) {
    const target = path.join(path.dirname(where), specifier)
    return target.startsWith(`${project.folder}/`) ? undefined : `${specifier} leaves the project`
  }
  if (specifier.startsWith('node:')) return undefined
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const other = all.get(name)
  if (!project.declared.has(name) && name !== project.manifest.name && !(isTest(where) && name === 'vitest'))
    return `${name} is not declared in package.json`
  if (!other || other === project) return undefined
  if (isTest(where) && isDev(other.manifest)) return undefined
  if (isDev(other.manifest) && !isDev(project.manifest) && !project.tags.includes('type:e2e'))
    return `${name} is for tests and tools`
  const allowed = project.tags.flatMap((tag) => mayUse[tag] ?? [])
  return other.tags.some((tag) => allowed.includes(tag)) ? undefined : `${project.manifest.name} must not use ${name}`
}
