import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { catalogue } from './catalogue.ts'
import { imageFolder } from './images.ts'

const readImage = (file: string): string => readFileSync(new URL(file, imageFolder), 'utf8')
const decodeEntities = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

const TAG = /<(\/?)([a-z]+)((?:\s[a-z-]+="[^"<>]*")*)\s*(\/?)>/gi

/** Checks that tags are balanced, with one root, and that the text between them holds no bare `<` or `&`. */
function isWellFormed(svg: string): boolean {
  const open: string[] = []
  let roots = 0
  for (const [, closing, name, , selfClosing] of svg.matchAll(TAG)) {
    if (closing && open.pop() !== name) return false
    if (!closing && open.length === 0) roots++
    if (!closing && !selfClosing) open.push(name!)
  }
  const text = svg.replaceAll(TAG, '')
  const withoutEntities = svg.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, '')
  return open.length === 0 && roots === 1 && !/[<>]/.test(text) && !withoutEntities.includes('&')
}

describe('the images of the demo catalogue', () => {
  it('are one SVG file for each product, and no other file', () => {
    expect(readdirSync(imageFolder).toSorted()).toEqual(catalogue.map(({ slug }) => `${slug}.svg`).toSorted())
  })

  it('use only elements and attributes that draw: no script, event handler, style or link', () => {
    const tags = readdirSync(imageFolder).flatMap((file) => [...readImage(file).matchAll(TAG)])
    const elements = new Set(tags.map(([, , element]) => element))
    expect(elements).toEqual(new Set(['svg', 'g', 'path', 'circle', 'ellipse', 'rect', 'text']))
    const attributes = new Set(tags.flatMap(([, , , list]) => [...list!.matchAll(/([a-z-]+)="/gi)].map(([, a]) => a!)))
    expect([...attributes].filter((name) => /^on|href|style|src/i.test(name))).toEqual([])
  })

  it.each(catalogue)('are well-formed and labelled with the product name: $name', ({ slug, name }) => {
    const svg = readImage(`${slug}.svg`)
    expect(isWellFormed(svg)).toBe(true)
    const labels = [...svg.matchAll(/aria-label="([^"]*)"/g)].map(([, label]) => decodeEntities(label!))
    expect(labels).toEqual([name])
    expect(svg).not.toMatch(/<script|javascript:/i)
  })

  it.each(catalogue)('show the name on at most two lines that fit: $name', ({ slug, name }) => {
    const lines = [...readImage(`${slug}.svg`).matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) =>
      decodeEntities(text!),
    )
    expect(lines.join(' ')).toBe(name)
    expect(lines.length).toBeLessThanOrEqual(2)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(lines.length === 1 ? 18 : 21)
  })
})
