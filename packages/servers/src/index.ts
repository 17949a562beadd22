export { config } from './config.ts'
export { isPlainError, plainError } from './plain-error.ts'
export { exactPort, freePort } from './ports.ts'
export { managedProcess, type ManagedProcess } from './managed-process.ts'
export { startOf } from './process-identity.ts'
export {
  guardian,
  processGroup,
  removeAtTheEnd,
  type GroupProcess,
  type ProcessGroup,
  type SpawnOptions,
} from './process-group.ts'
export { databaseUrl, urlAs } from './mongodb.ts'
export type { Guard } from './authentication.ts'
export type { Addresses, Ports, ServerName, Way } from './server.ts'
export { removeData, startServers, type Servers, type StartServers } from './start-servers.ts'
