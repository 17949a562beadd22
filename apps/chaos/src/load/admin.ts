import { setTimeout as pause } from 'node:timers/promises'
import { apis, pauseIfRefused, THINK_TIME, type Actor } from './actor.ts'
import { renewSession, type User } from './sessions.ts'
import type { Api, SeenOrder, Session } from './shop-client.ts'

const nextStatus: Record<string, string> = { Reçue: 'Confirmée', Confirmée: 'Préparée', Préparée: 'Livrée' }
const statuses = ['Reçue', 'Confirmée', 'Préparée', 'Livrée', 'Annulée']

/**
 * Simulates an admin until the load ends: changes the status of orders, sometimes by two conflicting requests at once,
 * adjusts stock, starts flash sales and resends e-mails.
 */
export async function simulateAdmin(actor: Actor, admin: User): Promise<void> {
  const { random, isOver, runLog, catalogue, flashSales } = actor
  while (!isOver()) {
    await pause(random.between(...THINK_TIME))
    await renewSession(actor, admin)
    const { session } = admin
    const action = random.weighted({ change: 54, conflict: 18, adjust: 12, sale: 12, resend: 4 })
    const age = random.between(1, 40)
    if (action === 'adjust') {
      const productId = random.pick([
        catalogue.hot,
        ...catalogue.scarce,
        ...catalogue.scarce,
        random.pick(catalogue.plain),
      ])
      await adjustStock(actor, session, productId)
      continue
    }
    if (action === 'sale') {
      const productId = random.pick(catalogue.scarce)
      await adjustStock(actor, session, productId, random.between(2, 4))
      flashSales.start(productId)
      continue
    }
    const orders = [...runLog.acceptedOrders.values()]
    const order = orders.at(-Math.min(age, orders.length))
    if (order === undefined) continue
    if (action === 'resend') await resendEmail(actor, session, order.id)
    else {
      const forward = random.chance(0.85) ? (nextStatus[order.status] ?? 'Livrée') : random.pick(statuses)
      const conflicting = random.pick([forward, 'Annulée', 'Confirmée'])
      const changes = [forward, ...(action === 'conflict' ? [conflicting] : [])].map((status) => ({
        status,
        api: random.pick(apis),
      }))
      await Promise.all(changes.map((change) => changeStatus(actor, session, order, change)))
    }
  }
}

async function changeStatus(
  { client, runLog }: Actor,
  session: Session,
  order: SeenOrder,
  { status, api }: { status: string; api: Api },
): Promise<void> {
  const from = Date.now()
  const outcome = await client.changeStatus(session, { id: order.id, status, api })
  runLog.recordChangeStatus({ orderId: order.id, status, by: 'admin', api, from, to: Date.now(), outcome })
  await pauseIfRefused(outcome)
  if (outcome.kind === 'success') order.status = outcome.value.status // what the admins of this load now know of it
  if (outcome.kind === 'rejected' && outcome.code === 'NOT_FOUND')
    runLog.reportViolation({
      rule: 'accepted-order-not-readable',
      subject: `order ${order.id}`,
      expected: '200 for an admin',
      found: outcome.code,
    })
}

async function adjustStock(
  { client, runLog, random }: Actor,
  session: Session,
  productId: string,
  delta = random.chance(0.75) ? random.between(1, 6) : -random.between(1, 3),
): Promise<void> {
  const reason = `stock count ${random.id()}`
  const api = random.pick(apis)
  const from = Date.now()
  const outcome = await client.adjustStock(session, { productId, delta, reason, api })
  runLog.recordAdjustStock({ productId, delta, reason, api, from, to: Date.now(), outcome })
}

async function resendEmail({ client, runLog }: Actor, session: Session, orderId: string): Promise<void> {
  const emails = await client.listEmails(session, orderId)
  const emailId = emails.kind === 'success' ? emails.value.items[0]?.id : undefined
  if (emailId === undefined) return
  const from = Date.now()
  const outcome = await client.resendEmail(session, emailId)
  runLog.recordResendEmail({ emailId, from, to: Date.now(), outcome })
}
