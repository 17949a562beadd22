import path from 'node:path'

/** The absolute path of the workspace's root. */
export const root = path.resolve(import.meta.dirname, '..')
