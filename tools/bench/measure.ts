// What Linux says of processes, and the arithmetic of rounds.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** One tick of /proc/PID/stat, in microseconds (USER_HZ is 100 on every Linux that Node runs on). */
const TICK = 10_000

/** CPU time that a process has had so far, its threads included, in microseconds; 0 for one that is gone. */
export function cpuOf(pid: number): number {
  try {
    // Counted from the end of the name, which may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK
  } catch {
    return 0
  }
}

/** CPU time that the whole machine has been busy so far, in microseconds, time stolen from it included. */
export function cpuOfMachine(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq + steal) * TICK
}

/** Resident memory of a process, in MB. */
export function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}

/** This very moment on the clock that all processes share: milliseconds since 1970, with fractions. */
export const wallClock = (): number => performance.timeOrigin + performance.now()

/** The value below which a share of the values lie; null for none. */
export function quantile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

/** The value in the middle, or halfway between the two that are; null for none. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return low === undefined || high === undefined ? null : (low + high) / 2
}

/** To so many decimals; null stays null. */
export const rounded = (value: number | null, decimals = 1): number | null =>
  value === null ? null : Math.round(value * 10 ** decimals) / 10 ** decimals

export const cores = availableParallelism()
