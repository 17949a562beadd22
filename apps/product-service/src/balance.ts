import type { Db } from 'mongodb'

/** How many products that are off balance are named. */
const NAMED = 100

/** A product whose stock is not what the ledger says: by how many there are too many, or too few if negative. */
export type OffBalance = { productId: string; by: number }

export type Balance = ReturnType<typeof balanceIn>

/**
 * The sum over the stock ledger, product by product: stock + what is held = opening stock + adjustments. All of it is read
 * at one moment, without holding anyone up, and costs MongoDB a pass over every reservation that is held.
 */
export function balanceIn(db: Db) {
  const heldLines = [
    { $match: { state: 'held' } },
    { $unwind: '$items' },
    { $project: { _id: '$items.productId', count: '$items.quantity' } },
  ]
  const movements = [{ $project: { _id: '$productId', count: { $multiply: ['$delta', -1] } } }]
  return {
    /** The products that are off balance, 100 at the most, and how many there are; none when all is well. */
    off: async (): Promise<{ count: number; products: OffBalance[] }> => {
      const [found] = await db
        .collection('products')
        .aggregate<{ all: { count: number }[]; products: OffBalance[] }>(
          [
            { $project: { count: '$stock' } },
            { $unionWith: { coll: 'reservations', pipeline: heldLines } },
            { $unionWith: { coll: 'movements', pipeline: movements } },
            { $group: { _id: '$_id', by: { $sum: '$count' } } },
            { $match: { by: { $ne: 0 } } },
            {
              $facet: {
                all: [{ $count: 'count' }],
                products: [{ $limit: NAMED }, { $project: { _id: 0, productId: '$_id', by: 1 } }],
              },
            },
          ],
          { readConcern: { level: 'snapshot' }, allowDiskUse: true },
        )
        .toArray()
      return { count: found?.all[0]?.count ?? 0, products: found?.products ?? [] }
    },
  }
}
