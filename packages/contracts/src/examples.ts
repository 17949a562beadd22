import { readdirSync, readFileSync } from 'node:fs'

/** Reads the example messages in a folder of examples/: the names and texts of its JSON files. */
export function readExamples(folder: string): [name: string, text: string][] {
  const url = new URL(`../examples/${folder}/`, import.meta.url)
  return readdirSync(url)
    .filter((name) => name.endsWith('.json'))
    .map((name) => [name, readFileSync(new URL(name, url), 'utf8')])
}
