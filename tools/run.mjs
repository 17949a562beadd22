// Runs a tool of this workspace: `node tools/run.mjs vitest run`, `node tools/run.mjs tools/start.ts --port 4000`.
// It works without installed packages and on Node 20 or newer: it installs the packages when they differ from
// package-lock.json, and runs the tool with Node 24, which is one of the packages on Linux x64.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..')
const bin = path.join(root, 'node_modules', '.bin')
const [tool, ...args] = process.argv.slice(2)

if (tool === undefined)
  fail('Usage: node tools/run.mjs TOOL [ARGUMENT…], where TOOL is a file or in node_modules/.bin.')

const difference = findLockDifference()
if (difference !== undefined) {
  console.log(`Installing the packages (${difference}); the first time takes a minute or two.`)
  const npm = process.env['npm_execpath']
  const install = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const code = await run(...(npm === undefined ? ['npm', install] : [process.execPath, [npm, ...install]]))
  if (code !== 0) process.exit(code)
}

const node = findNode()
process.env['PATH'] = `${bin}${path.delimiter}${process.env['PATH'] ?? ''}`
process.exit(await run(...command()))

/** Describes the first difference between node_modules and package-lock.json; undefined when there is none. */
function findLockDifference() {
  const locked = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages
  const hidden = path.join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(hidden)) return 'none are installed yet'
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages
  for (const [location, { version, link, optional, devOptional, peer }] of Object.entries(locked)) {
    if (!location.includes('node_modules/')) continue
    const found = installed[location]
    // Optional packages may be for another platform.
    if (found === undefined && (optional || devOptional || peer)) continue
    if (found === undefined || found.version !== version || found.link !== link) {
      return `${location.slice(location.lastIndexOf('node_modules/') + 13)} differs from package-lock.json`
    }
  }
  return undefined
}

/** Finds a Node that runs TypeScript by type stripping. */
function findNode() {
  const installed = path.join(bin, 'node')
  if (existsSync(installed)) return realpathSync(installed)
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  return fail(`Node 24 or newer is needed here and this is ${process.version}: install it from https://nodejs.org.`)
}

/** The command line of the tool: the arguments of `run`. */
function command() {
  if (/\.[cm]?[jt]s$/.test(tool))
    return [node, ['--conditions=development', '--disable-warning=TimeoutNegativeWarning', path.resolve(tool), ...args]]
  const installed = path.join(bin, tool)
  if (!existsSync(installed)) return fail(`There is no ${tool} in node_modules/.bin.`)
  const file = realpathSync(installed)
  const isScript = /^#!.*\bnode\b/.test(readFileSync(file, 'latin1').slice(0, 100))
  return isScript ? [node, [file, ...args]] : [file, args]
}

/** Runs a command in this terminal and forwards signals to it. Resolves with its exit code. */
function run(file, argv) {
  return new Promise((resolve) => {
    const child = spawn(file, argv, { stdio: 'inherit' })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => {
        // The terminal delivers SIGINT to the child itself.
        if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
      })
    }
    // npm forwards a SIGTERM to its shell only, which exits without forwarding it to this process.
    const parent = process.ppid
    const timer = setInterval(() => {
      if (process.ppid === parent) return
      clearInterval(timer)
      child.kill('SIGTERM')
    }, 250)
    if (process.env['npm_lifecycle_event'] === undefined) clearInterval(timer)
    child.once('error', (error) => fail(`${file} could not be started: ${error.message}`))
    child.once('exit', (code, signal) => {
      clearInterval(timer)
      resolve(code ?? 128 + constants.signals[signal])
    })
  })
}

/** @returns {never} */
function fail(sentence) {
  console.error(sentence)
  process.exit(1)
}
