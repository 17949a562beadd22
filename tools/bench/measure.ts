// Process statistics of Linux, and statistics of measurements.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** One tick of /proc/PID/stat, in microseconds (USER_HZ is 100 on every Linux that Node runs on). */
const TICK = 10_000

/** The CPU time that a process and its threads have used, in microseconds; 0 for one that has exited. */
export function processCpu(pid: number): number {
  try {
    // The fields are counted from the end of the name, which may contain any characters.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK
  } catch {
    return 0
  }
}

/** The CPU time that the whole machine has used, in microseconds, including steal time. */
export function machineCpu(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq + steal) * TICK
}

/** The resident memory of a process, in MB. */
export function residentMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

/** The wall-clock time, which all processes share: milliseconds since 1970, with fractions. */
export const wallClock = (): number => performance.timeOrigin + performance.now()

/** The quantile of the values at `share`; null without values. */
export function quantile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

/** The median of the values; null without values. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return low === undefined || high === undefined ? null : (low + high) / 2
}

/** Rounds to a number of decimals; null stays null. */
export const round = (value: number | null, decimals = 1): number | null =>
  value === null ? null : Math.round(value * 10 ** decimals) / 10 ** decimals

export const cores = availableParallelism()
