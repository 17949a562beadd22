import { forgedBy, type Forge } from './forge.ts'
import { letterAbout, newOrder, newPerson, newProduct, signIn, type Person } from './people.ts'
import type { Place } from './place.ts'

/** Where attacks happen: a shop, someone to attack, someone who attacks, and what there is to be had. */
export type Ground = {
  place: Place
  admin: Person
  victim: Person & { order: string; letter: string }
  mallory: Person & { order: string }
  product: string
  /** Signs tokens by the shop’s own key, where its database can be reached. */
  forge: Forge | undefined
}

export async function groundAt(place: Place): Promise<Ground> {
  const [admin, victim, mallory] = await Promise.all([signIn(place, place.admin), newPerson(place), newPerson(place)])
  const { id: product } = await newProduct(place, admin)
  // Two each, so that a list of one has a next page.
  await Promise.all([newOrder(place, victim, product), newOrder(place, mallory, product)])
  const [of, own] = await Promise.all([newOrder(place, victim, product), newOrder(place, mallory, product)])
  const letter = await letterAbout(place, victim, of.id)
  const forge = place.mongodb === undefined ? undefined : await forgedBy(place.mongodb)
  return {
    place,
    admin,
    victim: { ...victim, order: of.id, letter },
    mallory: { ...mallory, order: own.id },
    product,
    forge,
  }
}
