export type Line = { productId: string; quantity: number }

/** Who meets whom: baskets spread over all products, or one product that is in every basket. */
export type Case = 'spread' | 'hot'

/** A basket of 1 to 4 products, one of each; in the hot case the first product is always among them. */
export function basket(products: readonly string[], which: Case): Line[] {
  const chosen = new Set<string>(which === 'hot' ? [products[0]!] : [])
  const lines = 1 + Math.floor(Math.random() * 4)
  while (chosen.size < lines) chosen.add(products[Math.floor(Math.random() * products.length)]!)
  return [...chosen].map((productId) => ({ productId, quantity: 1 }))
}
