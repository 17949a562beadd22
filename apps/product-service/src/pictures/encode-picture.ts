import { fork } from 'node:child_process'
import { AppError } from '@halles/errors/app-error'
import { limitWork } from '../limit-work.ts'
import type { PictureResult } from './picture-process.ts'
import { pictureFaults, type PictureFiles } from './picture.ts'

/** One picture at a time: decoding one takes up to 200 MB and a processor for seconds. Each that waits keeps its 5 MB in memory. */
const limit = {
  concurrency: 1,
  maxOpen: 4,
  timeout: 8000,
  busy: 'Other pictures are being worked on: try again in a moment.',
}

/** How long the process of one picture may run, in milliseconds. */
const PROCESS_TIMEOUT = 8000

/**
 * Creates the encoder of uploaded pictures. Each is decoded in a process of its own, which has none of the service's environment
 * and is killed after 8 s, and encoded again: nothing of the uploaded bytes is ever served.
 *
 * The encoder rejects with AppError `VALIDATION_FAILED` for what is no picture, is animated or has too many pixels; `UNAVAILABLE`
 * when four pictures are open already; `TIMEOUT` after 8 s.
 *
 * @param options.program the program of the process
 * @param options.timeout how long it may run, in milliseconds
 */
export function createPictureEncoder({ program = defaultProgram(), timeout = PROCESS_TIMEOUT } = {}): (
  picture: Buffer,
) => Promise<PictureFiles> {
  return limitWork(async (picture) => {
    const result = await runProcess(program, picture, timeout)
    if ('files' in result) return result.files
    throw new AppError('VALIDATION_FAILED', 'This file is no picture that the shop can show: see errors.', {
      errors: [{ path: '/picture', message: pictureFaults[result.fault] }],
    })
  }, limit)
}

const defaultProgram = (): URL =>
  new URL(import.meta.url.endsWith('.ts') ? './picture-process.ts' : './picture-process.js', import.meta.url)

/** Runs the process for one picture. A process that dies is the fault of what it decoded. */
function runProcess(program: URL, picture: Buffer, timeout: number): Promise<PictureResult> {
  return new Promise((resolve, reject) => {
    const child = fork(program, { serialization: 'advanced', execArgv: [], env: {}, stdio: 'ignore' })
    let result: PictureResult = { fault: 'unreadable' }
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      child.kill('SIGKILL')
    }, timeout)
    child.once('message', (message) => void (result = message as PictureResult))
    child.once('error', reject)
    child.once('close', () => {
      clearTimeout(timer)
      if (isLate) reject(new AppError('TIMEOUT', 'This picture took too long: make it smaller, or try again.'))
      else resolve(result)
    })
    child.send(picture, (error) => error && child.kill('SIGKILL'))
  })
}
