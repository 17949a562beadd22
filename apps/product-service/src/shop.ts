import type { Products } from './products.ts'
import type { Reservations } from './reservations.ts'

/** What the use cases are given, put together in app.ts. */
export type Shop = { products: Products; reservations: Reservations; newId: () => string; now: () => Date }
