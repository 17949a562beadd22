import { describe, expect, it } from 'vitest'
import { catalogue } from './catalogue.ts'
import { pictureOf } from './pictures.ts'

const { slug: _slug, ...product } = catalogue[0]!

describe('a picture', () => {
  it('is the same each time', () => expect(pictureOf(product)).toBe(pictureOf(product)))

  it('shows a name as it is, whatever is in it', () => {
    const svg = pictureOf({ ...product, name: `<script>"&'` })
    expect(svg).not.toContain('<script>')
    expect(svg).toContain('>&lt;script&gt;&quot;&amp;&#39;</text>')
    expect(svg).toContain('aria-label="&lt;script&gt;&quot;&amp;&#39;"')
  })

  it.each(catalogue.map(({ name, ...more }) => [name, { name, ...more }] as const))(
    'has room for the name on its slate: %s',
    (name, each) => {
      const lines = [...pictureOf(each).matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) =>
        text!.replaceAll('&#39;', "'"),
      )
      expect(lines.join(' ')).toBe(name)
      expect(lines.length).toBeLessThanOrEqual(2)
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(lines.length === 1 ? 18 : 21)
    },
  )
})
