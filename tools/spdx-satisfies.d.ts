declare module 'spdx-satisfies' {
  /** Whether the allowed licences satisfy an SPDX expression. @throws Error when it is not an SPDX expression */
  export default function satisfies(expression: string, allowed: readonly string[]): boolean
}
