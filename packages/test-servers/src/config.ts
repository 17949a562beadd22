import { homedir } from 'node:os'
import path from 'node:path'

/** Reads the environment variables about servers. Each call reads them again, so that tests may change them. */
export function config() {
  const env = process.env
  return {
    /** Addresses of servers that already run. They are used as they are. */
    given: {
      mongodb: env['MONGODB_URL'] || undefined,
      kafka: env['KAFKA_BROKERS'] || undefined,
      smtp: env['SMTP_URL'] || undefined,
      mailbox: env['MAILBOX_URL'] || undefined,
    },
    images: {
      mongodb: env['MONGO_IMAGE'] || 'mongo:8',
      kafka: env['KAFKA_IMAGE'] || 'apache/kafka:4.3.1',
      mailbox: env['MAILBOX_IMAGE'] || undefined,
    },
    /** The address of a Docker engine, `unix:///…` or `tcp://…`. */
    dockerHost: env['DOCKER_HOST'] || undefined,
    runtimeDir: env['XDG_RUNTIME_DIR'] || undefined,
    /** The folder that keeps downloads between starts. */
    cache: env['HALLES_CACHE'] || path.join(env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'halles'),
    path: (env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== ''),
    javaHome: env['JAVA_HOME'] || undefined,
    environment: env,
  }
}
