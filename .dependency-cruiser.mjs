// The module boundaries, as rules for dependency-cruiser. They are generated from each project's package.json: its
// `nx.tags`, its declared dependencies, `stores` (the source files, without `.ts`, that may import the MongoDB driver) and
// `developmentSources` (source files that no production code imports, so that they may import development dependencies).
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** The types of projects that a project of each type may import, by the `type:` tags of both. */
const importableTypes = {
  'type:app': ['type:lib', 'type:contracts'],
  'type:lib': ['type:lib', 'type:contracts'],
  'type:contracts': [],
  'type:test': ['type:app', 'type:test', 'type:lib', 'type:contracts'],
  'type:tool': ['type:app', 'type:test', 'type:lib', 'type:contracts'],
}

/** Files that only tests and builds load. They may import development dependencies and `scope:dev` projects. */
const testFiles = String.raw`\.test\.tsx?$|/test/|/(vitest|vite|react-router)\.config\.ts$|/app/routes\.ts$`

/** The only package that may import kafkajs, beside tests and development projects. */
const kafkaClient = '^packages/kafka/src/'

const root = import.meta.dirname
const readManifest = (folder) => JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'))
const rootManifest = readManifest('.')

const projects = globSync(
  rootManifest.workspaces.map((pattern) => `${pattern}/package.json`),
  { cwd: root },
).map((file) => {
  const folder = path.dirname(file)
  const {
    name,
    dependencies = {},
    devDependencies = {},
    nx = {},
    stores = [],
    developmentSources = [],
  } = readManifest(folder)
  const tags = nx.tags ?? []
  const type = tags.find((tag) => tag in importableTypes)
  if (type === undefined)
    throw new Error(`${file} needs one of these nx.tags: ${Object.keys(importableTypes).join(', ')}`)
  return {
    name,
    folder,
    type,
    isDevelopment: tags.includes('scope:dev') || type === 'type:test' || type === 'type:tool',
    dependencies: Object.keys(dependencies),
    devDependencies: Object.keys(devDependencies),
    stores,
    developmentSources,
  }
})
const projectOf = new Map(projects.map((project) => [project.name, project]))

/** A regular expression for paths in one of the folders; matches nothing when there are none. */
const inFolders = (folders) => (folders.length === 0 ? '^$' : `^(${folders.join('|')})/`)
const escaped = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
const inPackages = (names) => `(^|/)node_modules/(@types/)?(${names.map(escaped).join('|') || '(?!)'})/`

const anyProject = inFolders(projects.map(({ folder }) => folder))
const developmentFolders = projects.filter(({ isDevelopment }) => isDevelopment).map(({ folder }) => folder)

/** The projects that are declared by `names`, may be imported by type, and are not for development only where that matters. */
const importable = (project, names, allowDevelopment) =>
  names
    .map((name) => projectOf.get(name))
    .filter((other) => other !== undefined)
    .filter((other) => importableTypes[project.type].includes(other.type))
    .filter((other) => allowDevelopment || !other.isDevelopment)
    .map(({ folder }) => folder)

const rulesFor = (project) => {
  const { name, folder, dependencies, devDependencies, developmentSources, isDevelopment } = project
  const development = [
    `^${folder}(?=/).*(${testFiles})`,
    ...(developmentSources.length > 0 ? [`^${folder}/src/(${developmentSources.map(escaped).join('|')})\\.ts$`] : []),
  ]
  const sources = { path: inFolders([folder]), pathNot: development }
  const tests = { path: development }
  const all = [...dependencies, ...devDependencies]
  return [
    {
      name: `project-imports: ${name}`,
      comment:
        'Sources import declared projects whose tags allow it: no other app, nothing that is for development only.',
      severity: 'error',
      from: sources,
      to: { path: anyProject, pathNot: inFolders([folder, ...importable(project, dependencies, isDevelopment)]) },
    },
    {
      name: `project-imports-of-tests: ${name}`,
      comment: 'Tests import declared projects whose tags allow it, those for development included.',
      severity: 'error',
      from: tests,
      to: { path: anyProject, pathNot: inFolders([folder, ...importable(project, all, true)]) },
    },
    {
      name: `development-source-in-production: ${name}`,
      comment: 'Sources do not import tests, nor files that are for development only.',
      severity: 'error',
      from: sources,
      to: { path: development },
    },
    {
      name: `undeclared-dependency: ${name}`,
      comment: "Sources import packages that are among the project's own dependencies.",
      severity: 'error',
      from: sources,
      to: { path: 'node_modules/', pathNot: inPackages(dependencies) },
    },
    {
      name: `undeclared-dependency-of-tests: ${name}`,
      comment: "Tests import packages of the project, its devDependencies included, or the workspace's test runner.",
      severity: 'error',
      from: tests,
      to: { path: 'node_modules/', pathNot: inPackages([...all, ...Object.keys(rootManifest.devDependencies)]) },
    },
  ]
}

/** Stores stand in `src` or in one of its folders. */
const storeFiles = projects
  .filter(({ stores }) => stores.length > 0)
  .flatMap(({ folder, stores }) => {
    const files = `(${stores.map(escaped).join('|')})\\.ts$`
    return [`^${folder}/src/${files}`, `^${folder}/src/[^/]+/${files}`]
  })

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...projects.flatMap(rulesFor),
    {
      name: 'relative-import-of-another-project',
      comment: 'A project is imported by the entries that its package.json exports, never by a path.',
      severity: 'error',
      from: { path: '^((?:apps|packages)/[^/]+|tools)/' },
      to: { dependencyTypes: ['local'], dependencyTypesNot: ['aliased'], pathNot: ['^$1/', '^vitest\\.shared\\.ts$'] },
    },
    {
      name: 'unresolvable-import',
      comment: 'The file does not exist, the package is not installed, or its package.json does not export this entry.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'import-cycle',
      comment: 'Files that import each other can only be understood together. Imports of types count.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'mongodb-outside-of-stores',
      comment: 'Only stores import the MongoDB driver: list the file under "stores" in package.json.',
      severity: 'error',
      from: { path: anyProject, pathNot: [testFiles, inFolders(developmentFolders), ...storeFiles] },
      to: { path: inPackages(['mongodb']) },
    },
    {
      name: 'kafkajs-outside-of-its-adapter',
      comment: 'Only the Kafka client of the platform imports kafkajs; everything else uses that client.',
      severity: 'error',
      from: { path: anyProject, pathNot: [testFiles, inFolders(developmentFolders), kafkaClient] },
      to: { path: inPackages(['kafkajs']) },
    },
  ],
  options: {
    // TypeScript 7 has no API that dependency-cruiser could parse with.
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    // `+types/` and @graphql-typed-document-node/core are only types: of React Router, of GraphQL operations; build/ and .react-router/ hold what is generated from other sources.
    exclude: {
      path: [
        '^(apps|packages)/[^/]+/(dist|reports|build|\\.react-router)/',
        '^\\./\\+types/',
        '@graphql-typed-document-node/core',
      ],
    },
    enhancedResolveOptions: {
      conditionNames: ['development', 'import', 'node', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'],
    },
  },
}
