// npm run attack: runs the attack corpus on a shop and prints which attacks were rejected and which were accepted.
//   npm run attack                                  on the shop of `npm start`, or else on one that it starts and stops
//   npm run attack -- --new                         on one that it starts and stops
//   npm run attack -- --gateway URL                 on any other, by its gateway; HALLES_ADMIN_EMAIL and HALLES_ADMIN_PASSWORD
//                                                   are the account of an admin, who creates what is attacked
// Exits 1 when an attack was accepted or a service stopped responding. Accounts, products and orders remain in the shop.
import { parseArgs } from 'node:util'
import { formatAttackReport, listFailures } from '@halles/security-tests/attacks/attack-report'
import { runAttacks } from '@halles/security-tests/attacks/run-attacks'
import { findLogLeaks, knownSecrets } from '@halles/security-tests/log-leaks'
import {
  findRunningShop,
  findShop,
  startShopUnderTest,
  type ShopUnderTest,
} from '@halles/security-tests/shop-under-test'
import { isUserError, userError } from '@halles/test-servers'

const began = performance.now()
const onProgress = (line: string): void =>
  console.log(`  ${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s  ${line}`)

async function main(): Promise<void> {
  const aborting = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => aborting.abort())
  const { shop, stop } = await chooseShop(aborting.signal)
  try {
    onProgress(`Attacking ${shop.gateway}`)
    await fetch(shop.gateway).catch((error: unknown) => {
      throw userError(`No shop responds at ${shop.gateway}: is it running?`, { cause: error })
    })
    const run = await runAttacks(shop, aborting.signal)
    console.log(`\n${formatAttackReport(run)}`)
    const leaks = shop.logs === undefined ? [] : await findLogLeaks(shop.logs, knownSecrets(shop))
    for (const leak of leaks) console.log(`✗ ${leak}`)
    process.exitCode = listFailures(run).length + leaks.length > 0 ? 1 : 0
  } finally {
    await stop()
  }
}

async function chooseShop(signal: AbortSignal): Promise<{ shop: ShopUnderTest; stop: () => Promise<void> }> {
  const { values } = parseArgs({ options: { gateway: { type: 'string' }, new: { type: 'boolean', default: false } } })
  const { HALLES_ADMIN_EMAIL: email, HALLES_ADMIN_PASSWORD: password } = process.env
  const admin = email !== undefined && password !== undefined ? { email, password } : undefined
  const stop = async (): Promise<void> => {}
  if (values.gateway !== undefined) return { shop: findShop(values.gateway, admin), stop }
  const running = values.new ? undefined : findRunningShop()
  if (running) return { shop: running, stop }
  const shop = await startShopUnderTest({ onProgress, signal })
  return { shop, stop: shop.stop }
}

main().catch((error: unknown) => {
  console.error(isUserError(error) ? error.message : error)
  process.exitCode = 1
})
