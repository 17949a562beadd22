import { createHash } from 'node:crypto'
import type { App } from '@halles/service/app'
import { Refusal } from '@halles/service/refusal'
import { Type } from 'typebox'
import { catalogue, type DemoProduct } from './catalogue.ts'
import { drawings } from './drawings.ts'

/** The awning over each stall, and the light behind the goods. */
const stalls: Record<string, [awning: string, light: string]> = {
  Fromagerie: ['#d9a441', '#fbf1d9'],
  Boulangerie: ['#a8672f', '#f9ead7'],
  'Fruits & légumes': ['#4f8a4c', '#edf4e2'],
  'Épicerie fine': ['#2f6f6a', '#e6f1ee'],
  Cave: ['#7b2740', '#f6e6e6'],
  Charcuterie: ['#b8443d', '#fbe8e2'],
  Poissonnerie: ['#2f6a96', '#e3eff6'],
  'Arts de la table': ['#4a5a8a', '#eaecf5'],
}
const OTHER_STALL = ['#6b6b6b', '#f3f1ec'] as const

/** Width of one stripe of the awning, and how many characters a line of the slate holds. */
const STRIPE = 40
const LINE = 18

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escaped = (text: string): string => text.replace(/[&<>"']/g, (letter) => ENTITIES[letter]!)

/** A product of the demo market at its stall, its name on a slate below: an SVG of 400×400, always the same. */
export function pictureOf({ name, category, drawing, colours }: Omit<DemoProduct, 'slug'>): string {
  const [awning, light] = stalls[category] ?? OTHER_STALL
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="400" height="400" role="img" aria-label="${escaped(name)}">
<rect width="400" height="400" fill="${light}"/>
<circle cx="200" cy="196" r="142" fill="#fff" fill-opacity=".7"/>
${drawings[drawing](...colours)}
${awningOf(awning)}
${slateWith(name)}
</svg>
`
}

function awningOf(colour: string): string {
  const stripes = Array.from({ length: 400 / STRIPE }, (_, i) => {
    const x = i * STRIPE
    return `<path d="M${x} 0H${x + STRIPE}V44A${STRIPE / 2} ${STRIPE / 2} 0 0 1 ${x} 44Z" fill="${i % 2 === 0 ? colour : '#fffdf8'}"/>`
  })
  return `<g><path d="M0 0H400V58Q200 74 0 58Z" fill="#000" fill-opacity=".06"/>${stripes.join('')}<rect width="400" height="10" fill="#000" fill-opacity=".1"/></g>`
}

function slateWith(name: string): string {
  const lines = linesOf(name)
  const size = lines.length === 1 ? 25 : 21
  const first = 340 + size * 0.35 - ((lines.length - 1) * (size + 5)) / 2
  const text = lines.map((line, i) => `<text x="200" y="${first + i * (size + 5)}">${escaped(line)}</text>`)
  return `<g><rect x="44" y="300" width="312" height="80" rx="10" fill="#8a5a33"/><rect x="51" y="307" width="298" height="66" rx="5" fill="#2b3534"/><g font-family="Georgia, 'Times New Roman', serif" font-size="${size}" fill="#f7f3e8" text-anchor="middle">${text.join('')}</g></g>`
}

/** A name on one line, or on two of nearly one length. */
function linesOf(name: string): string[] {
  if (name.length <= LINE) return [name]
  const middle = name.length / 2
  const spaces = [...name.matchAll(/ /g)].map(({ index }) => index)
  const cut = spaces.toSorted((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0]
  return cut === undefined ? [name] : [name.slice(0, cut), name.slice(cut + 1)]
}

/** Serves the demo market's pictures at /images/<slug>.svg. */
export function pictureRoutes(app: App): void {
  const drawn = new Map(
    catalogue.map((product) => {
      const svg = pictureOf(product)
      const etag = `"${createHash('sha256').update(svg).digest('base64url').slice(0, 16)}"`
      return [`${product.slug}.svg`, { svg, etag }]
    }),
  )
  app.get(
    '/images/:file',
    {
      schema: {
        summary: 'A picture of the demo market, as SVG',
        tags: ['images'],
        params: Type.Object({ file: Type.String() }),
      },
    },
    async (request, reply) => {
      const picture = drawn.get(request.params.file)
      if (!picture) throw new Refusal('NOT_FOUND', 'There is no such picture.')
      reply.header('etag', picture.etag).header('cache-control', 'public, max-age=86400')
      if (request.headers['if-none-match']?.includes(picture.etag)) return reply.code(304).send()
      return reply
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
        .header('x-content-type-options', 'nosniff')
        .type('image/svg+xml; charset=utf-8')
        .send(picture.svg)
    },
  )
}
