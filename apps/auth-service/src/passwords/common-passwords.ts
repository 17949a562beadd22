import { Worker } from 'node:worker_threads'
import type { IsCommonPassword } from './password.ts'

/**
 * Creates a check against the some 100,000 passwords of at least 8 characters in the lists of zxcvbn-ts: passwords from
 * leaks, and French and English words and names. Unpacking the lists takes 40 MB and a moment, so a worker thread does it
 * when the first password is checked. What stays in memory is one string of about a megabyte, which is searched in less than
 * a millisecond.
 */
export function createCommonPasswordCheck(): IsCommonPassword {
  let lines: Promise<string> | undefined
  return async (password) => {
    lines ??= unpackList().catch((error: unknown) => {
      lines = undefined // the next check tries again
      throw error
    })
    return (await lines).includes(`\n${password}\n`)
  }
}

/** Returns the list as one text, with a line feed before and after each password. */
function unpackList(): Promise<string> {
  const file = import.meta.url.endsWith('.ts') ? './common-passwords-worker.ts' : './common-passwords-worker.js'
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(file, import.meta.url))
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the list of common passwords was not unpacked: exit code ${code}`)))
  })
}
