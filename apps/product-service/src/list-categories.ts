import type { Products } from './products.ts'

const french = new Intl.Collator('fr')

/** The categories that have products on sale, by name as a French reader sorts, with how many products each has. */
export async function listCategories({ products }: { products: Pick<Products, 'categories'> }) {
  const categories = await products.categories()
  return categories.toSorted((a, b) => french.compare(a.name, b.name))
}
