import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * When the process was started, as an opaque text: with the pid it names one process for ever, although pids are given
 * again. Undefined when there is no such process (or it has ended and only waits to be noticed).
 */
export function startOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      // pid (name, which may contain anything) state … ; the start is field 22, in clock ticks since boot
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return fields[0] === 'Z' ? undefined : fields[19]
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
  } catch {
    return undefined // no such process
  }
}
