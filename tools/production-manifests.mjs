// Removes the development dependencies from the manifests and the lock file of a copy of this workspace, so that
// `npm ci --workspace NAME` installs only what NAME needs in production. `--omit=dev` alone does not: npm counts every
// workspace, those for tests included, as a production dependency of the root.
// Usage: node tools/production-manifests.mjs FOLDER
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('Usage: node tools/production-manifests.mjs FOLDER')

/** Rewrites a JSON file by a function that changes its content in place. */
function rewrite(file, change) {
  const content = JSON.parse(readFileSync(file, 'utf8'))
  change(content)
  writeFileSync(file, JSON.stringify(content, null, 2))
}

for (const file of globSync('{.,*,*/*}/package.json', { cwd: folder }))
  rewrite(path.join(folder, file), (manifest) => delete manifest.devDependencies)

rewrite(path.join(folder, 'package-lock.json'), ({ packages }) => {
  for (const [location, entry] of Object.entries(packages))
    if (!location.includes('node_modules/')) delete entry.devDependencies
})
