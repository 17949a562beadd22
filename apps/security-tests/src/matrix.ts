import { askGraphql, askGrpc, askRest } from './ask.ts'
import { declaredDoors, type At, type Door } from './doors.ts'
import { PEER_PROOF, type WholePlace } from './place.ts'
import { castIn, type Cast } from './things.ts'
import { hiddenDoors, waysToNothing } from './routes.ts'
import { callers, gapsIn, table, type Caller, type Row } from './table.ts'
import { endsPeople, entityWishes, grpcWishes, hiddenWishes, restWishes, rootWishes, type Given } from './wishes.ts'

/** A row as it was found: what each caller was answered at the service’s own door and at the gateway’s. */
export type Found = Row & { kind: Door['kind']; seen: Partial<Record<At, Record<Caller, string>>> }
export type Matrix = { rows: Found[]; gaps: string[]; cells: number; mismatches: number }

/** How many rows are asked at once. */
const AT_ONCE = 6

/** Asks at every door of a shop as everyone, and says what came back, row by row. */
export async function matrixOf(place: WholePlace, signal?: AbortSignal): Promise<Matrix> {
  const doors = [...declaredDoors(), ...hiddenDoors(place.routes)]
  const gaps = [...gapsIn(table, doors), ...waysToNothing(place.routes)]
  const kinds = new Map(doors.map(({ keeper, name, kind }) => [`${keeper} ${name}`, kind]))
  const cast = await castIn(place)
  const waiting = table.filter(({ keeper, door }) => kinds.has(`${keeper} ${door}`)).entries()
  const rows: Found[] = []
  const work = async (): Promise<void> => {
    for (const [i, row] of waiting) {
      signal?.throwIfAborted()
      const kind = kinds.get(`${row.keeper} ${row.door}`)!
      const seen: Found['seen'] = {}
      for (const at of row.at === 'both' ? (['own', 'gateway'] as const) : [row.at]) {
        const outcomes = {} as Record<Caller, string>
        for (const caller of callers) outcomes[caller] = await ask(place, cast, { ...row, kind }, at, caller)
        seen[at] = outcomes
      }
      rows[i] = { ...row, kind, seen }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const answers = rows.flatMap((row) =>
    Object.values(row.seen).flatMap((seen) => callers.map((one) => isWrong(row, one, seen))),
  )
  return { rows, gaps, cells: answers.length, mismatches: answers.filter(Boolean).length }
}

/** Whether an answer is not what the table says. */
export const isWrong = ({ expected }: Row, caller: Caller, seen: Record<Caller, string>): boolean =>
  seen[caller] !== expected[caller]

async function ask(
  place: WholePlace,
  cast: Cast,
  row: Row & { kind: Door['kind'] },
  at: At,
  caller: Caller,
): Promise<string> {
  const { given, headers } = await castFor(cast, row, caller)
  const base = at === 'gateway' || row.keeper === 'gateway' ? place.gateway : place.services[row.keeper]
  const told = ({ outcome, text }: { outcome: string; text: string }, shows: string | undefined): string =>
    outcome === 'ok' && shows !== undefined && !text.includes(shows) ? 'nothing' : outcome
  switch (row.kind) {
    case 'hidden': {
      const [method, route] = row.door.split(' ') as [string, string]
      const path = /[*{]/.test(route) ? await wishFor(hiddenWishes, row.door)(given) : route
      const from = { own: base, gateway: `${base}/api`, operator: place.gatewayOperator }[at]
      let answer = await askRest(from, { method, path, headers })
      // Not ready for a moment, on a busy machine: that says nothing of who may ask.
      for (let n = 0; n < 20 && path === '/readyz' && answer.status === 503; n++)
        answer = await askRest(from, { method, path, headers })
      return answer.outcome
    }
    case 'rest': {
      const [method, route] = row.door.split(' ') as [string, string]
      const { path = route, shows, ...wish } = await wishFor(restWishes, row.door)(given)
      const below = at === 'gateway' ? '/api' : ''
      return told(await askRest(base, { method, path: below + path, headers, ...wish }), shows)
    }
    case 'root': {
      const { shows, ...wish } = await wishFor(rootWishes, row.door)(given)
      return told(await askGraphql(base, { ...wish, headers }), shows)
    }
    case 'entity':
    case 'field': {
      const wish = await wishFor(entityWishes, `${row.keeper} ${row.door}`)(given)
      const { __typename, id, select, shows, gateway } = wish
      if (at === 'gateway') {
        if (!gateway) throw new Error(`no way leads to ${row.door} through the gateway`)
        return told(await askGraphql(base, { ...gateway, headers }), gateway.shows ?? shows)
      }
      const query = `query ($of: [_Any!]!) { _entities(representations: $of) { ... on ${__typename} { ${select} } } }`
      const variables = { of: [{ __typename, id }] }
      return told(await askGraphql(base, { query, variables, headers }), shows)
    }
    case 'grpc': {
      const { message, stream = false } = wishFor(grpcWishes, row.door)(given)
      const metadata = { ...headers, ...(row.whose === 'peer’s' && { [PEER_PROOF]: place.peerSecret }) }
      return (await askGrpc(place.productGrpc, row.door, message, { metadata, stream })).outcome
    }
  }
}

function wishFor<W>(wishes: Record<string, W>, door: string): W {
  const wish = wishes[door]
  if (!wish) throw new Error(`wishes.ts does not say how ${door} is asked`)
  return wish
}

/** Who asks and for whose things: someone new where the one who is meant would not survive it. */
async function castFor(
  cast: Cast,
  { door, whose, expected }: Row,
  caller: Caller,
): Promise<{ given: Given; headers: Record<string, string> }> {
  const named = /^to (cancel|confirm)$/.test(whose) ? 'customer' : whose.replace('’s', '')
  const owner = whose === '-' ? caller : named
  const spend = expected[caller] === 'ok'
  if (spend && endsPeople.has(door) && cast.personOf(owner)) {
    const person = await cast.standIn(owner)
    const its = cast.thingsOf(person)
    return {
      given: { whose, its, mine: its, cast },
      headers: owner === caller ? person.headers : cast.headersOf(caller),
    }
  }
  const its = cast.thingsOf(cast.personOf(owner), spend)
  return { given: { whose, its, mine: cast.thingsOf(cast.personOf(caller)), cast }, headers: cast.headersOf(caller) }
}
