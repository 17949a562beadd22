import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'

/** What a process holds at one moment. Of a server that is no service, only `rss` is known. */
export type ProcessSample = {
  /** The process that was sampled: a restarted one begins anew. */
  pid: number
  /** Resident memory and used heap of V8, in bytes. */
  rss: number
  heap?: number
  /** Open file descriptors, sockets included, and the resources that keep Node's event loop alive. */
  fds?: number
  handles?: number
}

/** `at`: milliseconds since 1970. A process or a database that did not answer is missing. */
export type Sample = { at: number; processes: Map<string, ProcessSample>; collections: Map<string, number> }

/** The pause between two samples, in milliseconds. */
export const SAMPLE_INTERVAL = 10_000
const METRICS_TIMEOUT = 3000

type Sources = {
  /** The pids of all processes by name, at this moment. */
  pids: () => Record<string, number>
  /** The URL of each service process that serves operators, by the same name. */
  operatorUrls: Record<string, string>
  /** Counts the documents of the collections, and the work in progress. */
  countDocuments: () => Promise<Map<string, number>>
}

/** Samples the shop every 10 s until the signal. Returns all samples. */
export async function sampleUntil(signal: AbortSignal, sources: Sources): Promise<Sample[]> {
  const samples: Sample[] = []
  while (!signal.aborted) {
    samples.push(await takeSample(sources))
    await pause(SAMPLE_INTERVAL, undefined, { signal }).catch(() => {})
  }
  return samples
}

async function takeSample({ pids, operatorUrls, countDocuments }: Sources): Promise<Sample> {
  const at = Date.now()
  const processes = new Map<string, ProcessSample>()
  const sampleProcess = async ([name, pid]: [string, number]): Promise<void> => {
    const url = operatorUrls[name]
    try {
      if (url !== undefined) processes.set(name, { pid, ...parseMetrics(await readMetrics(url)) })
      else processes.set(name, { pid, rss: await readRss(pid) })
    } catch {
      // It is down, frozen or disconnected; the next sample has it again.
    }
  }
  const [collections] = await Promise.all([
    countDocuments().catch(() => new Map<string, number>()),
    ...Object.entries(pids()).map(sampleProcess),
  ])
  return { at, processes, collections }
}

async function readMetrics(url: string): Promise<string> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(METRICS_TIMEOUT) })
  if (!response.ok) throw new Error(`${url}/metrics: ${response.status}`)
  return response.text()
}

/** Reads the process metrics of prom-client from Prometheus' text format. @throws Error when one is missing */
export function parseMetrics(text: string): Required<Omit<ProcessSample, 'pid'>> {
  const read = (name: string): number => {
    const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1]
    if (value === undefined) throw new Error(`The metric ${name} is missing.`)
    return Number(value)
  }
  return {
    rss: read('process_resident_memory_bytes'),
    heap: read('nodejs_heap_size_used_bytes'),
    fds: read('process_open_fds'),
    handles: read('nodejs_active_resources_total'),
  }
}

/** The resident memory of a process in bytes, on Linux. */
async function readRss(pid: number): Promise<number> {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))!
  return Number(kilobytes) * 1024
}
