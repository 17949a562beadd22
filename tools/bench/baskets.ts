export type Line = { productId: string; quantity: number }

/** The contention between orders: baskets spread over all products, or one hot product in every basket. */
export type Case = 'spread' | 'hot'

/** Creates a random basket of 1 to 4 products, one of each. In the hot case it always contains the first product. */
export function createBasket(products: readonly string[], contention: Case): Line[] {
  const chosen = new Set<string>(contention === 'hot' ? [products[0]!] : [])
  const lines = 1 + Math.floor(Math.random() * 4)
  while (chosen.size < lines) chosen.add(products[Math.floor(Math.random() * products.length)]!)
  return [...chosen].map((productId) => ({ productId, quantity: 1 }))
}
