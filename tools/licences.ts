// npm run licences: lists the licences of all packages in package-lock.json. Exits with 1 if one is not allowed.
import { licences } from './dependencies.ts'

const { groups, refused } = licences()
for (const { licence, names } of groups) {
  const list = names.length <= 12 ? `  ${names.join(', ')}` : ''
  console.log(`${String(names.length).padStart(5)}  ${licence}${list}`)
}
for (const line of refused) console.log(`✗ ${line}`)
console.log(refused.length === 0 ? 'licences: all are allowed' : `licences: ${refused.length} are not allowed`)
process.exitCode = refused.length === 0 ? 0 : 1
