import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Shop } from '@halles/dev-shop'
import type { ChaosResult } from './chaos-result.ts'

/** Keeps the logs of all processes and what the run has recorded. Returns the folder. */
export async function keepArtifacts(parent: string, { logs }: Shop, result: ChaosResult): Promise<string> {
  const { seed } = result.options
  const folder = path.join(parent, `seed-${seed}-${new Date(result.began).toISOString().replaceAll(':', '-')}`)
  await mkdir(folder, { recursive: true })
  await cp(logs, path.join(folder, 'logs'), { recursive: true })
  for (const server of ['mongodb', 'kafka']) {
    const parent = path.join(logs, '..', server)
    // A server in a container has no log file.
    for (const file of await readdir(parent, { recursive: true }).catch(() => []))
      if (file.endsWith('.log') && !file.includes('data'))
        await cp(path.join(parent, file), path.join(folder, 'logs', server, file))
  }
  const {
    placeOrderRequests,
    changeStatusRequests,
    adjustStockRequests,
    resendEmailRequests,
    accountRequests,
    userIds,
  } = result.runLog
  const documents = {
    violations: result.violations,
    injected: result.injected,
    schedule: result.schedule,
    samples: result.samples.map(({ at, processes, collections }) => ({
      at,
      processes: Object.fromEntries(processes),
      collections: Object.fromEntries(collections),
    })),
    snapshot: { ...result.snapshot, resendCounts: [...result.snapshot.resendCounts] },
    'run-log': {
      placeOrderRequests,
      changeStatusRequests,
      adjustStockRequests,
      resendEmailRequests,
      accountRequests,
      userIds: [...userIds],
    },
    mailbox: result.receivedEmails,
  }
  for (const [name, document] of Object.entries(documents))
    await writeFile(path.join(folder, `${name}.json`), `${JSON.stringify(document, null, 1)}\n`)
  return folder
}
