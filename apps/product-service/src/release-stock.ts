import type { Reservations } from './reservations.ts'

type Helpers = { reservations: Pick<Reservations, 'release'> }

/** Gives an order's stock back, once, and says whether this call did. From now on the order can reserve nothing. */
export const releaseStock = ({ reservations }: Helpers, orderId: string): Promise<boolean> =>
  reservations.release(orderId)
