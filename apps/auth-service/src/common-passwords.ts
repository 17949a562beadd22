import { Worker } from 'node:worker_threads'
import type { IsCommon } from './password.ts'

/**
 * The passwords of many leaks, and the words and names of French and English: some 100,000 of 8 characters and more, by
 * zxcvbn-ts. Unpacking its lists takes 40 MB and a moment, so a worker does that when the first password is chosen, and
 * leaves one text of about a megabyte behind, in which to look takes less than a millisecond.
 */
export function commonPasswords(): IsCommon {
  let lines: Promise<string> | undefined
  return async (password) => {
    lines ??= unpacked().catch((error: unknown) => {
      lines = undefined // the next one tries again
      throw error
    })
    return (await lines).includes(`\n${password}\n`)
  }
}

function unpacked(): Promise<string> {
  const file = import.meta.url.endsWith('.ts') ? './common-passwords-worker.ts' : './common-passwords-worker.js'
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(file, import.meta.url))
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the list of common passwords was not unpacked: ${code}`)))
  })
}
