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
  /**
   * Has a secondary fetch no more writes, while it answers as before.
   * @returns a function that ends the lag
   */
  lag: (secondary: ReplicaSetMember) => Promise<() => Promise<void>>
}

export type KafkaBroker = Pick<ManagedProcess, 'pid' | 'kill' | 'restart'> & {
  /** The broker's `node.id`, from 1. */
  id: number
  /** `host:port` */
  address: string
}

/**
 * The brokers of a cluster, and the failures that tests cause. `kill('SIGSTOP')` freezes a broker and `kill('SIGCONT')`
 * continues it; `restart` starts one that was killed.
 */
export type KafkaCluster = {
  brokers: readonly KafkaBroker[]
  /** Waits until a running broker other than `not` leads the partition, and returns it. */
  leader: (topic: string, partition: number, not?: KafkaBroker) => Promise<KafkaBroker>
  /** The brokers that have all acknowledged messages of the partition. */
  inSyncReplicas: (topic: string, partition: number) => Promise<KafkaBroker[]>
  /** Has another in-sync replica lead the partition, and returns it. The former leader stays a replica. */
  moveLeader: (topic: string, partition: number) => Promise<KafkaBroker>
  /** Kills the leader of the partition by SIGKILL and returns it, before there is a new one. */
  killLeader: (topic: string, partition: number) => Promise<KafkaBroker>
}

export type Server = ManagedProcess & {
  way: ServerMode
  addresses: Addresses
  /** The ports in use, which the next start prefers. */
  ports: Ports
  replicaSet?: ReplicaSet
  kafkaCluster?: KafkaCluster
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
