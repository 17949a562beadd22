import { startServers, type ServerName, type Servers } from '@halles/test-servers'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The servers that the project requires in its vitest.config.ts. */
    servers: ServerName[]
    /** The URL of a replica set, without the name of a database. */
    mongodb: string
    /** `host:port[,host:port…]` */
    kafka: string
    /** `smtp://host:port` */
    smtp: string
    /** The URL of maildev's HTTP API. */
    mailbox: string
  }
}

// Vitest evaluates this file once for each project in one process, so the started servers are kept on globalThis.
const shared = globalThis as { hallesServers?: Map<ServerName, Promise<Servers>> }

/** Provides the servers that a project requires. Each is started by the first project that needs it and stopped with it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = (shared.hallesServers ??= new Map())
  const need = project.config.provide.servers ?? []
  const own = need.filter((name) => !started.has(name))
  for (const name of own) {
    started.set(name, startServers({ need: [name], onProgress: (line) => console.log(line) }))
  }
  for (const name of need) {
    const { mongodb, kafka, smtp, mailbox } = await started.get(name)!
    if (mongodb !== undefined) project.provide('mongodb', mongodb)
    if (kafka !== undefined) project.provide('kafka', kafka)
    if (smtp !== undefined) project.provide('smtp', smtp)
    if (mailbox !== undefined) project.provide('mailbox', mailbox)
  }
  return async () => {
    for (const name of own) {
      const servers = await started.get(name)!
      started.delete(name)
      await servers.stop()
    }
  }
}
