import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { findMutations, mutate } from './seeded-bugs.ts'

// For `node --import`: mutates the modules of a service while they are loaded. The query of this module's URL names the bugs,
// see createEnvironment.

const mutations = findMutations(new URL(import.meta.url).searchParams.getAll('seeded-bug'))

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context)
    const applicable = url.startsWith('file:') ? mutations.get(fileURLToPath(url)) : undefined
    if (applicable === undefined) return loaded
    const source = mutate(Buffer.from(loaded.source as Uint8Array).toString('utf8'), applicable)
    console.error(`seeded bug in ${fileURLToPath(url)}`)
    return { ...loaded, source }
  },
})
