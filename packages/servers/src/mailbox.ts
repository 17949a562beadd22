import { mkdir, rm } from 'node:fs/promises'
import { findPackageJSON } from 'node:module'
import path from 'node:path'
import { config } from './config.ts'
import { freePort } from './ports.ts'
import type { ProcessGroup } from './process-group.ts'
import { processServer, type Ports, type Server } from './server.ts'

/**
 * maildev, which takes every letter and shows it, as a plain process.
 * @param folder keeps the letters and its log
 * @param ports taken when they are free
 */
export async function mailboxProcess(group: ProcessGroup, folder: string, ports: Ports): Promise<Server> {
  const letters = path.join(folder, 'letters')
  const log = path.join(folder, 'maildev.log')
  await mkdir(letters, { recursive: true })
  await rm(log, { force: true })
  const smtp = await freePort(ports.smtp)
  const web = await freePort(ports.mailbox)
  const maildev = path.join(findPackageJSON('maildev', import.meta.url)!, '..', 'dist', 'bin', 'maildev.js')
  const listen = ['--ip', '127.0.0.1', '--smtp', String(smtp), '--web-ip', '127.0.0.1', '--web', String(web)]
  const { cache, environment } = config()
  const env = { ...environment, NODE_OPTIONS: '', NODE_COMPILE_CACHE: path.join(cache, 'node') }
  const args = [maildev, ...listen, '--mail-directory', letters, '--silent']
  return processServer(
    {
      spawn: () => group.spawn('maildev', process.execPath, args, { log, env, cwd: folder }),
      isReady: async () => (await fetch(`http://127.0.0.1:${web}/api/healthz`)).ok,
      graceMs: 3_000,
    },
    {
      addresses: { smtp: `smtp://127.0.0.1:${smtp}`, mailbox: `http://127.0.0.1:${web}` },
      ports: { smtp, mailbox: web },
    },
  )
}
