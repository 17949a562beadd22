import { homedir } from 'node:os'
import path from 'node:path'

/** What the environment says about servers; read when asked for, so that tests may change it. */
export function config() {
  const env = process.env
  return {
    /** Servers that are there already, used as given. */
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
    /** Where a Docker engine is said to be: `unix:///…` or `tcp://…`. */
    dockerHost: env['DOCKER_HOST'] || undefined,
    runtimeDir: env['XDG_RUNTIME_DIR'] || undefined,
    /** Where downloads are kept between starts. */
    cache: env['HALLES_CACHE'] || path.join(env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'halles'),
    path: (env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== ''),
    javaHome: env['JAVA_HOME'] || undefined,
    environment: env,
  }
}
