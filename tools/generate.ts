// npm run generate: writes every generated file again.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { generated } from './generated.ts'
import { root } from './workspace.ts'

for (const [name, text] of await generated()) {
  const file = path.join(root, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
  console.log(`wrote ${name}`)
}
