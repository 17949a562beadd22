import type { ServerCredentials } from './authentication.ts'
import type { ManagedProcess } from './managed-process.ts'
import type { ProcessGroup } from './process-group.ts'

export type ServerName = 'mongodb' | 'kafka' | 'mailbox'

/** How a server runs: it was already running (`environment`), in a container, or as a plain process. */
export type ServerMode = 'environment' | 'container' | 'process'

export type Addresses = {
  /** `mongodb://127.0.0.1:27017/?replicaSet=rs0`, without a database; see `databaseUrl`. */
  mongodb?: string
  /** `host:port[,host:port…]` */
  kafka?: string
  /** The address of each extra listener that `kafkaListeners` requested, `host:port`, in the same order. */
  kafkaListeners?: string[]
  /** The listeners of a Kafka with authentication, `host:port`: SCRAM without TLS, and SCRAM or PLAIN with TLS. */
  kafkaAuthenticated?: { scram: string; both: string }
  /** `smtp://host:port` */
  smtp?: string
  /** The URL of the mailbox: a page for people, and `GET /api/email` lists the e-mails. */
  mailbox?: string
}

/** The preferred ports of a server. Others are used if they are taken. */
export type Ports = { mongodb?: number; kafka?: number; smtp?: number; mailbox?: number }

export type ReplicaSetMember = Pick<ManagedProcess, 'pid' | 'kill' | 'restart'> & {
  /** `host:port` */
  address: string
}

/** The members of a replica set, and the failures that tests cause. */
export type ReplicaSet = {
  members: readonly ReplicaSetMember[]
  /** Waits until a member other than `not` accepts writes, and returns it. */
  primary: (not?: ReplicaSetMember) => Promise<ReplicaSetMember>
  /** Has the primary step down, not to be elected again for `seconds` (5), and returns the new primary. */
  stepDown: (seconds?: number) => Promise<ReplicaSetMember>
  /** Kills the primary by SIGKILL and returns it, before there is a new one. `restart` starts it again. */
  killPrimary: () => Promise<ReplicaSetMember>
}

export type Server = ManagedProcess & {
  way: ServerMode
  addresses: Addresses
  /** The ports in use, which the next start prefers. */
  ports: Ports
  replicaSet?: ReplicaSet
}

/** The context in which a server is started as a plain process. */
export type ProcessContext = {
  group: ProcessGroup
  /** The folder of its data, settings and log. */
  folder: string
  /** Preferred ports. */
  ports: Ports
  /** See `StartServers`. */
  kafkaListeners: string[]
  credentials: ServerCredentials | undefined
  onProgress: (line: string) => void
  onCrash: (message: string) => void
}
