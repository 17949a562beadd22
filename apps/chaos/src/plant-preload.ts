import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { changesOf, planted } from './plants.ts'

// For `node --import`: changes what a service is, as it is loaded. Which bugs is in its own URL, see environmentFor.

const changes = changesOf(new URL(import.meta.url).searchParams.getAll('plant'))

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context)
    const wanted = url.startsWith('file:') ? changes.get(fileURLToPath(url)) : undefined
    if (wanted === undefined) return loaded
    const source = planted(Buffer.from(loaded.source as Uint8Array).toString('utf8'), wanted)
    for (const { file } of wanted) console.error(`planted in ${file}`)
    return { ...loaded, source }
  },
})
