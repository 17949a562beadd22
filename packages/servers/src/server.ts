import type { Guard } from './guard.ts'
import type { ManagedProcess } from './managed-process.ts'
import type { ProcessGroup } from './process-group.ts'

export type ServerName = 'mongodb' | 'kafka' | 'mailbox'

/** How a server is had: it was there already, in a container, or as a plain process. */
export type Way = 'environment' | 'container' | 'process'

export type Addresses = {
  /** `mongodb://127.0.0.1:27017/?replicaSet=rs0`, without a database; see `databaseUrl`. */
  mongodb?: string
  /** `host:port[,host:port…]` */
  kafka?: string
  /** Where each of the `kafkaDoors` that were asked for listens, `host:port`, in the same order. */
  kafkaDoors?: string[]
  /** Where a Kafka with a guard listens to who shows who they are, `host:port`: without TLS, and with it. */
  kafkaGuarded?: { scram: string; both: string }
  /** `smtp://host:port` */
  smtp?: string
  /** Where `GET /api/email` lists the letters, and people read them. */
  mailbox?: string
}

/** The ports that a server should have where they are free. */
export type Ports = { mongodb?: number; kafka?: number; smtp?: number; mailbox?: number }

export type Server = ManagedProcess & {
  way: Way
  addresses: Addresses
  /** The ports it got, for the next start to prefer. */
  ports: Ports
}

/** What a server started as a plain process is given. */
export type Place = {
  group: ProcessGroup
  /** Keeps its data, its settings and its log. */
  folder: string
  /** Taken where they are free. */
  ports: Ports
  /** See `StartServers`. */
  kafkaDoors: string[]
  guard: Guard | undefined
  onProgress: (line: string) => void
  onCrash: (message: string) => void
}
