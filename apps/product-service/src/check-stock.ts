import type { Product } from './product.ts'
import type { Products } from './products.ts'
import type { StockLine } from './reservation.ts'

/** Whether a line can be had now, how much there is, and what it is; no product when it is not on sale. */
export type CheckedLine = { productId: string; available: boolean; availableQuantity: number; product?: Product }

/** Looks up lines of one order or of many, each by itself and in the order asked, with one query. */
export async function checkStock(
  { products }: { products: Pick<Products, 'findAll'> },
  lines: readonly StockLine[],
): Promise<CheckedLine[]> {
  const found = await products.findAll(lines.map(({ productId }) => productId))
  return lines.map(({ productId, quantity }) => {
    const product = found.get(productId)
    if (!product || product.archived) return { productId, available: false, availableQuantity: 0 }
    return { productId, available: product.stock >= quantity, availableQuantity: product.stock, product }
  })
}
