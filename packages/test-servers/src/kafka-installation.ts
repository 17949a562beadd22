// Finds Java, downloads Apache Kafka, and speeds up the start of its JVM.
import { randomBytes } from 'node:crypto'
import { rename, rm, stat, writeFile, readdir, realpath } from 'node:fs/promises'
import path from 'node:path'
import { cached, fileExists, findOnPath, runCommand } from './commands.ts'
import { config } from './config.ts'
import { userError } from './user-error.ts'
import type { ProcessGroup } from './process-group.ts'

export const kafkaVersion = '4.3.1'

/** The options of every JVM: it starts quickly and needs little memory. */
export const jvmOptions = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx128m', '-XX:-UsePerfData']

/** Finds Java 17 or newer. @returns the path of the command */
export async function findJava(group: ProcessGroup): Promise<string> {
  const advice = 'start a Docker engine, or install Java 17 or newer (apt install openjdk-17-jre-headless)'
  const { javaHome } = config()
  const java = javaHome === undefined ? await findOnPath('java') : path.join(javaHome, 'bin', 'java')
  if (java === undefined || !(await fileExists(java))) throw userError(`Kafka needs Java: ${advice}.`)
  const output = (await runCommand(group, java, ['-XX:TieredStopAtLevel=1', '-version'])).join(' ')
  const major = Number(/version "(\d+)/.exec(output)?.[1])
  if (!(major >= 17)) throw userError(`Kafka needs Java 17 and ${java} is older (${output.slice(0, 60)}): ${advice}.`)
  return realpath(java)
}

/** Returns a folder with Kafka's jars in `libs` and a formatted `bootstrap.checkpoint`; Maven downloads it once. */
export function findKafka(group: ProcessGroup, java: string, onProgress: (line: string) => void): Promise<string> {
  return cached(`kafka-${kafkaVersion}`, async (unfinished) => {
    const maven = await findOnPath('mvn')
    if (maven === undefined) {
      throw userError('Kafka is missing: start a Docker engine, or install Maven to fetch it (apt install maven).')
    }
    onProgress(`Kafka: downloading Apache Kafka ${kafkaVersion} (54 MB, once)`)
    await writeFile(path.join(unfinished, 'pom.xml'), pom)
    const libs = path.join(unfinished, 'libs')
    const goals = ['dependency:copy-dependencies', `-DoutputDirectory=${libs}`, '-DincludeScope=runtime']
    await runCommand(group, maven, ['--quiet', '--batch-mode', ...goals], unfinished)
    // A new broker reads its feature levels from this checkpoint. It is the same for every broker, so it is made once.
    const data = path.join(unfinished, 'format')
    const settings = path.join(unfinished, 'format.properties')
    await writeFile(
      settings,
      properties({
        'process.roles': 'controller',
        'node.id': '1',
        'controller.listener.names': 'CONTROLLER',
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT',
        listeners: 'CONTROLLER://127.0.0.1:9093',
        'controller.quorum.voters': '1@127.0.0.1:9093',
        'log.dirs': data,
      }),
    )
    const format = ['kafka.tools.StorageTool', 'format', '--cluster-id', newId(), '--config', settings]
    await runCommand(group, java, [...jvmOptions, '-cp', await classPath(unfinished), ...format])
    await rename(path.join(data, 'bootstrap.checkpoint'), path.join(unfinished, 'bootstrap.checkpoint'))
    await rm(data, { recursive: true })
  })
}

/** The class path with all of Kafka's jars, by the folder that `findKafka` returns. */
export async function classPath(kafka: string): Promise<string> {
  const libs = path.join(kafka, 'libs')
  const jars = (await readdir(libs)).filter((file) => file.endsWith('.jar')).toSorted()
  return jars.map((jar) => path.join(libs, jar)).join(path.delimiter)
}

/** A random id in Kafka's format. It never begins with a dash, as command lines would take it for an option. */
export function newId(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? newId() : id
}

/** The text of a Java properties file. */
export function properties(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/**
 * The JVM's class data archive, which halves the time of a start. The first single broker that stops in an orderly way writes
 * it (about 3 s more, once). An archive fits one Java only; a JVM that cannot use it continues without.
 *
 * @param record whether this JVM may write the archive if there is none
 */
export async function classArchive(java: string, record: boolean) {
  const { mtimeMs, size } = await stat(java)
  const archive = path.join(config().cache, `kafka-${kafkaVersion}-${Math.trunc(mtimeMs).toString(36)}-${size}.jsa`)
  const exists = await fileExists(archive)
  if (exists || !record) {
    const flags = exists ? [`-XX:SharedArchiveFile=${archive}`, '-Xlog:cds=off'] : []
    return { recording: false, flags, keep: async () => {} }
  }
  const unfinished = `${archive}.${process.pid}`
  return {
    recording: true,
    flags: [`-XX:ArchiveClassesAtExit=${unfinished}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'],
    keep: async () => {
      if (await fileExists(unfinished)) await rename(unfinished, archive)
    },
  }
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>halles</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    ${[
      `org.apache.kafka:kafka_2.13:${kafkaVersion}`,
      `org.apache.kafka:kafka-tools:${kafkaVersion}`,
      'org.slf4j:slf4j-simple:1.7.36',
    ]
      .map((name) => name.split(':'))
      .map(
        ([group, artifact, number]) =>
          `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${number}</version></dependency>`,
      )
      .join('\n    ')}
  </dependencies>
</project>
`
