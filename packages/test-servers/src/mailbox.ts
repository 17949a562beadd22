import { mkdir, rm } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import path from 'node:path'
import { config } from './config.ts'
import { freePort } from './ports.ts'
import { startManagedProcess } from './managed-process.ts'
import type { ProcessContext, Server } from './server.ts'

/** Starts maildev as a plain process: an SMTP server that keeps every e-mail and shows it on a web page. */
export async function startMailboxProcess({ group, folder, ports, onCrash }: ProcessContext): Promise<Server> {
  const mailDirectory = path.join(folder, 'letters')
  const log = path.join(folder, 'maildev.log')
  await mkdir(mailDirectory, { recursive: true })
  await rm(log, { force: true })
  const smtp = await freePort(ports.smtp)
  const web = await freePort(ports.mailbox)
  const maildev = path.join(findPackageJSON('maildev', import.meta.url)!, '..', 'dist', 'bin', 'maildev.js')
  const listen = ['--ip', '127.0.0.1', '--smtp', String(smtp), '--web-ip', '127.0.0.1', '--web', String(web)]
  const { cache, environment } = config()
  const env = { ...environment, NODE_OPTIONS: '', NODE_COMPILE_CACHE: path.join(cache, 'node') }
  const args = [maildev, ...listen, '--mail-directory', mailDirectory, '--silent']
  const managed = await startManagedProcess({
    spawn: (options) => group.spawn('maildev', process.execPath, args, { ...options, log, env, cwd: folder }),
    isReady: async () => (await fetch(`http://127.0.0.1:${web}/api/healthz`)).ok,
    graceMs: 3_000,
    onCrash,
  })
  return {
    ...managed,
    way: 'process',
    addresses: { smtp: `smtp://127.0.0.1:${smtp}`, mailbox: `http://127.0.0.1:${web}` },
    ports: { smtp, mailbox: web },
  }
}
