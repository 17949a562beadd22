import { newId } from '@halles/mongo/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiClients } from '../../test/api-clients.ts'
import { startProductService, type ProductServiceFixture } from '../../test/service-fixture.ts'
import { sorts, type Product } from './product.ts'

let service: ProductServiceFixture
beforeAll(async () => void (service = await startProductService()))
afterAll(() => service.close())

/** Creates a seeded random generator, the same in every run: it returns an integer from 0 to below n. */
function createRandom(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

type ListedProduct = { id: string; name: string; price: number }

/** Whether a may come before b in each sort. Products tie, so that the id has to decide. */
const mayPrecede: Record<(typeof sorts)[number], (a: ListedProduct, b: ListedProduct) => boolean> = {
  newest: (a, b) => a.id > b.id,
  name: (a, b) => a.name.localeCompare(b.name, 'fr', { sensitivity: 'base' }) <= 0,
  price_asc: (a, b) => a.price <= b.price,
  price_desc: (a, b) => a.price >= b.price,
  relevance: (a, b) => relevance(a) > relevance(b) || (relevance(a) === relevance(b) && a.id > b.id),
}
const relevance = ({ name }: ListedProduct): number => (/ bleu$/i.test(name) ? 4 : / bleu/i.test(name) ? 2 : 1)

describe.each(['REST', 'GraphQL'] as const)('listing products over %s', (name) => {
  const list = (input: Record<string, unknown>) => apiClients[name](service).list(input)
  const idsOf = ({ items }: { items: ListedProduct[] }): string[] => items.map(({ id }) => id)

  it.each(sorts)(
    'shows each product once and in order over all pages sorted by %s, while products are added and sold',
    async (sort) => {
      const random = createRandom(sorts.indexOf(sort) + 7)
      const category = `Rayon ${newId()}`
      const words = ['bleu', 'Bleuet', 'vert', 'Émeraude', 'ivoire']
      const randomProduct = (): Partial<Product> => ({
        _id: newId(),
        name: `${['Été', 'eté', 'Figue', 'abricot', 'Zeste'][random(5)]} ${words[random(5)]}`,
        description: 'comme le bleu du ciel',
        price: random(4) + random(2) / 100,
        category,
      })
      const products = await Promise.all(Array.from({ length: 41 }, () => service.addProduct(randomProduct())))
      const input = { category, sort, ...(sort === 'relevance' && { q: 'bleu' }) }

      const seen: ListedProduct[] = []
      const addedMeanwhile: string[] = []
      let after: string | null = null
      for (let pages = 0; pages < 100; pages++) {
        const { value } = await list({ ...input, first: 1 + random(9), ...(after !== null && { after }) })
        seen.push(...value.items)
        if (!value.pageInfo.hasNextPage) break
        after = value.pageInfo.endCursor
        const added = await service.addProduct({ ...randomProduct(), archived: random(2) === 0 })
        addedMeanwhile.push(added._id)
        await service.reserve(newId(), [{ productId: products[random(41)]!._id, quantity: 1 }]) // a sale changes no position
      }
      const initial = seen.filter(({ id }) => !addedMeanwhile.includes(id))
      expect(initial.map(({ id }) => id).toSorted()).toEqual(products.map(({ _id }) => _id).toSorted())
      expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length)
      for (const [i, next] of initial.slice(1).entries()) expect(mayPrecede[sort](initial[i]!, next)).toBe(true)
    },
  )

  it('combines filters', async () => {
    const category = `Rayon ${newId()}`
    const addProduct = async (overrides: Partial<Product>) =>
      (await service.addProduct({ category, name: 'Tomme de brebis', ...overrides }))._id
    const cheap = await addProduct({ price: 5, stock: 3 })
    const expensive = await addProduct({ price: 30, stock: 3 })
    const soldOut = await addProduct({ price: 10, stock: 0 })
    const other = await addProduct({ price: 10, stock: 1, name: 'Bleu' })
    const ids = async (filter: object) =>
      idsOf((await list({ category, sort: 'price_asc', ...filter })).value).toSorted()
    expect(await ids({})).toEqual([cheap, soldOut, other, expensive].toSorted())
    expect(await ids({ q: 'tomme' })).toEqual([cheap, soldOut, expensive].toSorted())
    expect(await ids({ q: 'tomme', inStock: true })).toEqual([cheap, expensive].toSorted())
    expect(await ids({ inStock: false })).toEqual([soldOut])
    expect(await ids({ minPrice: 10, maxPrice: 10 })).toEqual([soldOut, other].toSorted())
    expect(await ids({ q: 'tomme', minPrice: 6, inStock: true })).toEqual([expensive])
    expect(await ids({ minPrice: 31, maxPrice: 5 })).toEqual([])
  })

  it('matches products that have all the searched words as prefixes, in any order, without regard to accents and case', async () => {
    const category = `Rayon ${newId()}`
    const { _id } = await service.addProduct({
      category,
      name: 'Crème brûlée à la Reine',
      description: 'Œufs de la ferme',
    })
    await service.addProduct({ category, name: 'Reblochon', description: 'Lait cru' })
    const search = async (q: string) => idsOf((await list({ q, category })).value)
    for (const q of ['creme', 'CRÈME BRU', 'brulee oeuf', 'reine, crème!', 'ŒUF', 'la ferm reine', 'cre\u0300me'])
      expect(await search(q), q).toEqual([_id])
    for (const q of ['reme', 'creme reblochon', 'crème xyz', '$ne']) expect(await search(q), q).toEqual([])
    for (const q of ['  ', '.*']) expect((await search(q)).length, q).toBe(2) // no word to search for
  })

  it('ranks a whole word of the name before a prefix, and a prefix before a mention in the description', async () => {
    const category = `Rayon ${newId()}`
    const addProduct = async (name: string, description: string) =>
      (await service.addProduct({ category, name, description }))._id
    const whole = await addProduct('Pain de seigle', '')
    const mention = await addProduct('Beurre', 'Pour le pain')
    const prefix = await addProduct('Painvin', '')
    expect(idsOf((await list({ q: 'pain', category })).value)).toEqual([whole, prefix, mention])
    expect(idsOf((await list({ q: 'pain', category, sort: 'newest' })).value)).toEqual([prefix, mention, whole])
    expect(idsOf((await list({ category, sort: 'relevance' })).value)).toEqual([prefix, mention, whole])
  })

  it('sorts names in French order, without regard to accents, case and punctuation', async () => {
    const category = `Rayon ${newId()}`
    const names = ['Abricot', 'Échalote', "L'Étoile", 'lait', 'Œuf', 'Olive', 'zeste']
    for (const productName of names.toSorted()) await service.addProduct({ category, name: productName })
    const { value } = await list({ category, sort: 'name' })
    expect(value.items.map((item: ListedProduct) => item.name)).toEqual([
      'Abricot',
      'Échalote',
      "L'Étoile",
      'lait',
      'Œuf',
      'Olive',
      'zeste', // prettier-ignore
    ])
  })

  it('refuses a cursor of another filter or sort', async () => {
    const category = `Rayon ${newId()}`
    for (let i = 0; i < 3; i++) await service.addProduct({ category })
    const { pageInfo } = (await list({ category, first: 1 })).value
    const refused = { code: 'VALIDATION_FAILED', paths: ['/after'] }
    const after = pageInfo.endCursor
    expect((await list({ category, first: 2, after })).value.items.length).toBe(2)
    expect(await list({ category, first: 1, after, sort: 'name' })).toEqual(refused)
    expect(await list({ first: 1, after })).toEqual(refused)
    expect(await list({ category, inStock: true, after })).toEqual(refused)
    for (const invalid of ['nonsense', btoa('[1,{"$gt":""}]')])
      expect(await list({ category, after: invalid })).toEqual(refused)
  })

  it('has pages of 1 to 100 products, 20 by default', async () => {
    const category = `Rayon ${newId()}`
    await Promise.all(Array.from({ length: 21 }, () => service.addProduct({ category })))
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

  it('treats MongoDB operators and regular expressions in a filter as plain text', async () => {
    for (const category of ['$ne', '{"$ne":null}', '.*']) expect((await list({ category })).value.items).toEqual([])
  })
})

it('GET /products and the products field refuse unknown, repeated and malformed parameters', async () => {
  for (const query of ['category[$ne]=x', 'category=a&category=b', 'price=1', 'minPrice=abc', 'sort=best', 'inStock=2'])
    expect((await service.app.inject(`/products?${query}`)).json()).toMatchObject({ code: 'VALIDATION_FAILED' })
  const refused = await service.graphql(
    undefined,
    'query ($f: ProductFilter) { products(filter: $f) { totalCount } }',
    {
      f: { category: { $ne: null } },
    },
  )
  expect(refused.errors?.[0].extensions.code).toBe('VALIDATION_FAILED')
})

it('Query.products returns a cursor with each edge, from which the list continues', async () => {
  const category = `Rayon ${newId()}`
  for (let i = 0; i < 3; i++) await service.addProduct({ category })
  const query = `query ($f: ProductFilter, $after: String) {
    products(filter: $f, after: $after) { edges { cursor node { id } } nodes { id } pageInfo { endCursor } }
  }`
  const { products: all } = (await service.graphql(undefined, query, { f: { category } })).data
  expect(all.edges.map(({ node }: { node: object }) => node)).toEqual(all.nodes)
  expect(all.pageInfo.endCursor).toBe(all.edges[2].cursor)
  const { products: rest } = (await service.graphql(undefined, query, { f: { category }, after: all.edges[0].cursor }))
    .data
  expect(rest.nodes).toEqual(all.nodes.slice(1))
})

it('Query.categories returns the categories with products on sale, in French order, with their product counts', async () => {
  const instance = await startProductService()
  for (const category of ['Épicerie', 'Cave', 'Épicerie', 'Fruits']) await instance.addProduct({ category })
  await instance.addProduct({ category: 'Cave', archived: true })
  await instance.addProduct({ category: 'Boucherie', archived: true })
  expect((await instance.graphql(undefined, '{ categories { name productCount } }')).data.categories).toEqual([
    { name: 'Cave', productCount: 1 },
    { name: 'Épicerie', productCount: 2 },
    { name: 'Fruits', productCount: 1 },
  ])
  await instance.close()
})

it('GET /products counts exactly up to 10,000 products, and no further', async () => {
  const category = `Rayon ${newId()}`
  const { _id, ...template } = (await service.db.collection<{ _id: string }>('products').findOne({}))!
  const many = Array.from({ length: 10_001 }, () => ({ ...template, _id: newId(), category }))
  await service.db.collection<{ _id: string }>('products').insertMany(many)
  const readCount = async () =>
    (await service.app.inject(`/products?first=1&category=${encodeURIComponent(category)}`)).json()
  expect(await readCount()).toMatchObject({ totalCount: 10_000, totalCountIsExact: false })
  await service.db.collection<{ _id: string }>('products').deleteOne({ _id: many[0]!._id })
  expect(await readCount()).toMatchObject({ totalCount: 10_000, totalCountIsExact: true })
})
