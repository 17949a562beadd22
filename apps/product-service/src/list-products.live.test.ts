import { newId } from '@halles/service/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { doors } from '../test/doors.ts'
import { startProductService, type Running } from '../test/running.ts'
import { sorts, type Product } from './product.ts'

let shop: Running
beforeAll(async () => void (shop = await startProductService()))
afterAll(() => shop.close())

/** Chance that is the same in every run: a number from 0 to below n. */
function dice(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

type Listed = { id: string; name: string; price: number }

/** How each sort says that a may come before b: with ties, so that the id has to tell. */
const inOrder: Record<(typeof sorts)[number], (a: Listed, b: Listed) => boolean> = {
  newest: (a, b) => a.id > b.id,
  name: (a, b) => a.name.localeCompare(b.name, 'fr', { sensitivity: 'base' }) <= 0,
  price_asc: (a, b) => a.price <= b.price,
  price_desc: (a, b) => a.price >= b.price,
  relevance: (a, b) => worth(a) > worth(b) || (worth(a) === worth(b) && a.id > b.id),
}
const worth = ({ name }: Listed): number => (/ bleu$/i.test(name) ? 4 : / bleu/i.test(name) ? 2 : 1)

describe.each(['REST', 'GraphQL'] as const)('through %s', (name) => {
  const list = (wish: Record<string, unknown>) => doors[name](shop).list(wish)
  const idsOf = ({ items }: { items: Listed[] }): string[] => items.map(({ id }) => id)

  it.each(sorts)(
    'walking all pages by %s shows each product once, in order, while others come and go',
    async (sort) => {
      const roll = dice(sorts.indexOf(sort) + 7)
      const category = `Rayon ${newId()}`
      const words = ['bleu', 'Bleuet', 'vert', 'Émeraude', 'ivoire']
      const some = (): Partial<Product> => ({
        _id: newId(),
        name: `${['Été', 'eté', 'Figue', 'abricot', 'Zeste'][roll(5)]} ${words[roll(5)]}`,
        description: 'comme le bleu du ciel',
        price: roll(4) + roll(2) / 100,
        category,
      })
      const mine = await Promise.all(Array.from({ length: 41 }, () => shop.put(some())))
      const wish = { category, sort, ...(sort === 'relevance' && { q: 'bleu' }) }

      const seen: Listed[] = []
      const passers: string[] = []
      let after: string | null = null
      for (let pages = 0; pages < 100; pages++) {
        const { value } = await list({ ...wish, first: 1 + roll(9), ...(after !== null && { after }) })
        seen.push(...value.items)
        if (!value.pageInfo.hasNextPage) break
        after = value.pageInfo.endCursor
        const passer = await shop.put({ ...some(), archived: roll(2) === 0 })
        passers.push(passer._id)
        await shop.reserve(newId(), [{ productId: mine[roll(41)]!._id, quantity: 1 }]) // a sale moves no one
      }
      const known = seen.filter(({ id }) => !passers.includes(id))
      expect(known.map(({ id }) => id).toSorted()).toEqual(mine.map(({ _id }) => _id).toSorted())
      expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length)
      for (const [i, next] of known.slice(1).entries()) expect(inOrder[sort](known[i]!, next)).toBe(true)
    },
  )

  it('filters combine', async () => {
    const category = `Rayon ${newId()}`
    const put = async (more: Partial<Product>) => (await shop.put({ category, name: 'Tomme de brebis', ...more }))._id
    const cheap = await put({ price: 5, stock: 3 })
    const dear = await put({ price: 30, stock: 3 })
    const out = await put({ price: 10, stock: 0 })
    const other = await put({ price: 10, stock: 1, name: 'Bleu' })
    const ids = async (more: object) => idsOf((await list({ category, sort: 'price_asc', ...more })).value).toSorted()
    expect(await ids({})).toEqual([cheap, out, other, dear].toSorted())
    expect(await ids({ q: 'tomme' })).toEqual([cheap, out, dear].toSorted())
    expect(await ids({ q: 'tomme', inStock: true })).toEqual([cheap, dear].toSorted())
    expect(await ids({ inStock: false })).toEqual([out])
    expect(await ids({ minPrice: 10, maxPrice: 10 })).toEqual([out, other].toSorted())
    expect(await ids({ q: 'tomme', minPrice: 6, inStock: true })).toEqual([dear])
    expect(await ids({ minPrice: 31, maxPrice: 5 })).toEqual([])
  })

  it('words are found by their beginning, all of them, wherever they stand, accents and case aside', async () => {
    const category = `Rayon ${newId()}`
    const { _id } = await shop.put({ category, name: 'Crème brûlée à la Reine', description: 'Œufs de la ferme' })
    await shop.put({ category, name: 'Reblochon', description: 'Lait cru' })
    const finds = async (q: string) => idsOf((await list({ q, category })).value)
    for (const q of ['creme', 'CRÈME BRU', 'brulee oeuf', 'reine, crème!', 'ŒUF', 'la ferm reine', 'cre\u0300me'])
      expect(await finds(q), q).toEqual([_id])
    for (const q of ['reme', 'creme reblochon', 'crème xyz', '$ne']) expect(await finds(q), q).toEqual([])
    for (const q of ['  ', '.*']) expect((await finds(q)).length, q).toBe(2) // no word asked for
  })

  it('what is called so comes before what begins so, and that before what only mentions it', async () => {
    const category = `Rayon ${newId()}`
    const put = async (name: string, description: string) => (await shop.put({ category, name, description }))._id
    const whole = await put('Pain de seigle', '')
    const mention = await put('Beurre', 'Pour le pain')
    const begins = await put('Painvin', '')
    expect(idsOf((await list({ q: 'pain', category })).value)).toEqual([whole, begins, mention])
    expect(idsOf((await list({ q: 'pain', category, sort: 'newest' })).value)).toEqual([begins, mention, whole])
    expect(idsOf((await list({ category, sort: 'relevance' })).value)).toEqual([begins, mention, whole])
  })

  it('names are in French order: accents, case and marks aside', async () => {
    const category = `Rayon ${newId()}`
    const names = ['Abricot', 'Échalote', "L'Étoile", 'lait', 'Œuf', 'Olive', 'zeste']
    for (const each of names.toSorted()) await shop.put({ category, name: each })
    const { value } = await list({ category, sort: 'name' })
    expect(value.items.map((item: Listed) => item.name)).toEqual([
      'Abricot',
      'Échalote',
      "L'Étoile",
      'lait',
      'Œuf',
      'Olive',
      'zeste', // prettier-ignore
    ])
  })

  it('a cursor is of its filter and sort alone', async () => {
    const category = `Rayon ${newId()}`
    for (let i = 0; i < 3; i++) await shop.put({ category })
    const { pageInfo } = (await list({ category, first: 1 })).value
    const refused = { code: 'VALIDATION_FAILED', paths: ['/after'] }
    const after = pageInfo.endCursor
    expect((await list({ category, first: 2, after })).value.items.length).toBe(2)
    expect(await list({ category, first: 1, after, sort: 'name' })).toEqual(refused)
    expect(await list({ first: 1, after })).toEqual(refused)
    expect(await list({ category, inStock: true, after })).toEqual(refused)
    for (const not of ['nonsense', btoa('[1,{"$gt":""}]')])
      expect(await list({ category, after: not })).toEqual(refused)
  })

  it('a page is of 1 to 100, and of 20 when no one says', async () => {
    const category = `Rayon ${newId()}`
    await Promise.all(Array.from({ length: 21 }, () => shop.put({ category })))
    for (const first of [0, 101, -1]) expect(await list({ category, first })).toMatchObject({ paths: ['/first'] })
    expect((await list({ category })).value.items.length).toBe(20)
    const { value } = await list({ category, first: 100 })
    expect(value).toMatchObject({ totalCount: 21, totalCountIsExact: true, pageInfo: { hasNextPage: false } })
    expect((await list({ category: 'no such' })).value).toEqual({
      items: [],
      pageInfo: { hasNextPage: false, endCursor: null },
      totalCount: 0,
      totalCountIsExact: true,
    })
  })

  it('a search for an operator, or by one, finds nothing', async () => {
    for (const wrong of ['$ne', '{"$ne":null}', '.*']) expect((await list({ category: wrong })).value.items).toEqual([])
  })
})

it('a query that is no query of ours is refused', async () => {
  for (const query of ['category[$ne]=x', 'category=a&category=b', 'price=1', 'minPrice=abc', 'sort=best', 'inStock=2'])
    expect((await shop.app.inject(`/products?${query}`)).json()).toMatchObject({ code: 'VALIDATION_FAILED' })
  const bad = await shop.graphql(undefined, 'query ($f: ProductFilter) { products(filter: $f) { totalCount } }', {
    f: { category: { $ne: null } },
  })
  expect(bad.errors?.[0].extensions.code).toBe('VALIDATION_FAILED')
})

it('a connection has a cursor at each edge, from which the list goes on', async () => {
  const category = `Rayon ${newId()}`
  for (let i = 0; i < 3; i++) await shop.put({ category })
  const query = `query ($f: ProductFilter, $after: String) {
    products(filter: $f, after: $after) { edges { cursor node { id } } nodes { id } pageInfo { endCursor } }
  }`
  const { products: all } = (await shop.graphql(undefined, query, { f: { category } })).data
  expect(all.edges.map(({ node }: { node: object }) => node)).toEqual(all.nodes)
  expect(all.pageInfo.endCursor).toBe(all.edges[2].cursor)
  const { products: rest } = (await shop.graphql(undefined, query, { f: { category }, after: all.edges[0].cursor }))
    .data
  expect(rest.nodes).toEqual(all.nodes.slice(1))
})

it('categories are those that have something on sale, in French order, each with how many', async () => {
  const own = await startProductService()
  for (const category of ['Épicerie', 'Cave', 'Épicerie', 'Fruits']) await own.put({ category })
  await own.put({ category: 'Cave', archived: true })
  await own.put({ category: 'Boucherie', archived: true })
  expect((await own.graphql(undefined, '{ categories { name productCount } }')).data.categories).toEqual([
    { name: 'Cave', productCount: 1 },
    { name: 'Épicerie', productCount: 2 },
    { name: 'Fruits', productCount: 1 },
  ])
  await own.close()
})

it('more than 10,000 are not counted to the end', async () => {
  const category = `Rayon ${newId()}`
  const { _id, ...like } = (await shop.db.collection<{ _id: string }>('products').findOne({}))!
  const many = Array.from({ length: 10_001 }, () => ({ ...like, _id: newId(), category }))
  await shop.db.collection<{ _id: string }>('products').insertMany(many)
  const count = async () => (await shop.app.inject(`/products?first=1&category=${encodeURIComponent(category)}`)).json()
  expect(await count()).toMatchObject({ totalCount: 10_000, totalCountIsExact: false })
  await shop.db.collection<{ _id: string }>('products').deleteOne({ _id: many[0]!._id })
  expect(await count()).toMatchObject({ totalCount: 10_000, totalCountIsExact: true })
})
