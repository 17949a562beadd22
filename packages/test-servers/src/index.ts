export { config } from './config.ts'
export { isUserError, userError } from './user-error.ts'
export { exactPort, freePort } from './ports.ts'
export { findHaproxy, startLoadBalancer, type BalancedService } from './load-balancer.ts'
export { startManagedProcess, type ManagedProcess } from './managed-process.ts'
export { processStartTime } from './process-identity.ts'
export {
  reaperIdentity,
  createProcessGroup,
  removeOnExit,
  type GroupProcess,
  type ProcessGroup,
  type SpawnOptions,
} from './process-group.ts'
export { databaseUrl, withCredentials } from './mongodb.ts'
export type { ServerCredentials } from './authentication.ts'
export type {
  Addresses,
  KafkaBroker,
  KafkaCluster,
  Ports,
  ReplicaSet,
  ReplicaSetMember,
  ServerName,
  ServerMode,
} from './server.ts'
export { removeData, startServers, type Servers, type StartServers } from './start-servers.ts'
