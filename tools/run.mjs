// Runs a tool of this workspace: `node tools/run.mjs vitest run`, `node tools/run.mjs tools/start.ts --port 4000`.
// It needs nothing installed and any Node from 20 on: it installs the packages when they do not fit the lock, and runs the
// tool by Node 24, which comes with the packages on Linux x64.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..')
const bin = path.join(root, 'node_modules', '.bin')
const [tool, ...args] = process.argv.slice(2)

if (tool === undefined)
  fail('Usage: node tools/run.mjs TOOL [ARGUMENT…], where TOOL is a file or in node_modules/.bin.')

const unfit = whatDoesNotFit()
if (unfit !== undefined) {
  console.log(`Installing the packages (${unfit}); the first time takes a minute or two.`)
  const npm = process.env['npm_execpath']
  const install = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const code = await run(...(npm === undefined ? ['npm', install] : [process.execPath, [npm, ...install]]))
  if (code !== 0) process.exit(code)
}

const node = findNode()
process.env['PATH'] = `${bin}${path.delimiter}${process.env['PATH'] ?? ''}`
process.exit(await run(...command()))

/** Why node_modules is not what package-lock.json says, in a few words; undefined when it is. */
function whatDoesNotFit() {
  const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages
  const hidden = path.join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(hidden)) return 'there are none yet'
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages
  for (const [place, { version, link, optional, devOptional, peer }] of Object.entries(wanted)) {
    if (!place.includes('node_modules/')) continue
    const found = installed[place]
    // what is optional may be for another platform
    if (found === undefined && (optional || devOptional || peer)) continue
    if (found === undefined || found.version !== version || found.link !== link) {
      return `${place.slice(place.lastIndexOf('node_modules/') + 13)} does not fit package-lock.json`
    }
  }
  return undefined
}

/** A Node that runs TypeScript as it is. */
function findNode() {
  const ours = path.join(bin, 'node')
  if (existsSync(ours)) return realpathSync(ours)
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  return fail(`Node 24 or newer is needed here and this is ${process.version}: install it from https://nodejs.org.`)
}

/** The command line of the tool, for `run`. */
function command() {
  if (/\.[cm]?[jt]s$/.test(tool))
    return [node, ['--conditions=development', '--disable-warning=TimeoutNegativeWarning', path.resolve(tool), ...args]]
  const installed = path.join(bin, tool)
  if (!existsSync(installed)) return fail(`There is no ${tool} in node_modules/.bin.`)
  const file = realpathSync(installed)
  const isScript = /^#!.*\bnode\b/.test(readFileSync(file, 'latin1').slice(0, 100))
  return isScript ? [node, [file, ...args]] : [file, args]
}

/** Runs a command with our terminal until it ends, passes signals on to it, and resolves with its exit code. */
function run(file, argv) {
  return new Promise((resolve) => {
    const child = spawn(file, argv, { stdio: 'inherit' })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => {
        // a terminal tells the child itself
        if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
      })
    }
    // npm passes a SIGTERM on to its shell only, which ends without a word to us
    const parent = process.ppid
    const watch = setInterval(() => {
      if (process.ppid === parent) return
      clearInterval(watch)
      child.kill('SIGTERM')
    }, 250)
    if (process.env['npm_lifecycle_event'] === undefined) clearInterval(watch)
    child.once('error', (error) => fail(`${file} could not be started: ${error.message}`))
    child.once('exit', (code, signal) => {
      clearInterval(watch)
      resolve(code ?? 128 + constants.signals[signal])
    })
  })
}

/** @returns {never} */
function fail(sentence) {
  console.error(sentence)
  process.exit(1)
}
