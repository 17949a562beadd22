declare module 'spdx-satisfies' {
  /** Whether an SPDX expression can be met by the licences that are allowed. @throws Error when it is none. */
  export default function satisfies(expression: string, allowed: readonly string[]): boolean
}
