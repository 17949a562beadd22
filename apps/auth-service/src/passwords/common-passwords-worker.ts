// The entry point of the worker thread that common-passwords.ts starts: it posts the list, and ends.
import { parentPort } from 'node:worker_threads'
import * as common from '@zxcvbn-ts/language-common'
import * as english from '@zxcvbn-ts/language-en'
import * as french from '@zxcvbn-ts/language-fr'

/** Shorter passwords are rejected by their length. */
const MIN_LENGTH = 8

const words = new Set<string>()
for (const { dictionary } of [common, english, french])
  for (const list of Object.values<string[]>(dictionary))
    for (const word of list) if (word.length >= MIN_LENGTH) words.add(word.normalize('NFKC').toLowerCase())

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort!.postMessage(`\n${[...words].join('\n')}\n`)
