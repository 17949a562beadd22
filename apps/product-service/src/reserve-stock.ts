import { summed, type Reservation, type ReserveStock } from './reservation.ts'
import type { Reservations } from './reservations.ts'

type Helpers = { reservations: Pick<Reservations, 'reserve'> }

/**
 * Holds the whole stock of an order, or none of it and says what is short. Asked again for the same order it changes
 * nothing and answers the same, whatever the lines are. After `deadline`, in milliseconds since 1970, it is not begun.
 */
export const reserveStock = (
  { reservations }: Helpers,
  { orderId, items }: ReserveStock,
  deadline: number,
): Promise<Reservation> => reservations.reserve({ orderId, items: summed(items), deadline })
