import { ORDER_EVENTS, ORDER_EVENTS_PARTITIONS } from '@halles/contracts/order-events'
import type { Shop } from '@halles/dev-shop'
import type { BrokerFault, ReplicaSetFault } from './fault-schedule.ts'

type Deps = {
  shop: Pick<Shop, 'replicaSet' | 'kafkaCluster'>
  /** Waits so many milliseconds, or until the faults are to be reverted. */
  wait: (ms: number) => Promise<void>
}

/** Creates the injector of faults of MongoDB's members and of Kafka's brokers. */
export function createServerFaults({ shop, wait }: Deps) {
  const replicaSet = () => {
    if (shop.replicaSet === undefined) throw new Error('This shop has no replica set.')
    return shop.replicaSet
  }
  const findSecondary = async () => {
    const { members, primary } = replicaSet()
    const current = await primary()
    return members.find((member) => member !== current)!
  }

  /**
   * The faults of the replica set. Each resolves when it is reverted.
   * `onElected` is called when the set has a new primary.
   */
  const memberFaults: Record<ReplicaSetFault, (lasts: number, onElected: () => void) => Promise<void>> = {
    'step-down': async (_lasts, onElected) => {
      await replicaSet().stepDown()
      onElected()
    },
    'kill-primary': async (lasts, onElected) => {
      const killed = await replicaSet().killPrimary()
      await replicaSet().primary(killed)
      onElected()
      await wait(lasts)
      await killed.restart()
    },
    'freeze-primary': async (lasts, onElected) => {
      const frozen = await replicaSet().primary()
      await frozen.kill('SIGSTOP')
      try {
        await Promise.all([wait(lasts), replicaSet().primary(frozen).then(onElected)])
      } finally {
        await frozen.kill('SIGCONT')
      }
    },
    'kill-secondary': async (lasts) => {
      const killed = await findSecondary()
      await killed.kill('SIGKILL')
      await wait(lasts)
      await killed.restart()
    },
    'freeze-secondary': async (lasts) => {
      const frozen = await findSecondary()
      await frozen.kill('SIGSTOP')
      await wait(lasts)
      await frozen.kill('SIGCONT')
    },
    'lag-secondary': async (lasts) => {
      const catchUp = await replicaSet().lag(await findSecondary())
      await wait(lasts)
      await catchUp()
    },
  }

  const kafkaCluster = () => {
    if (shop.kafkaCluster === undefined) throw new Error('This shop has one broker.')
    return shop.kafkaCluster
  }
  let count = 0
  /** The partitions of order-events in turn, so that the faults reach all brokers. */
  const nextPartition = (): number => count++ % ORDER_EVENTS_PARTITIONS

  const leaderFaults: Record<BrokerFault, (lasts: number) => Promise<void>> = {
    'kill-leader': async (lasts) => {
      const killed = await kafkaCluster().killLeader(ORDER_EVENTS, nextPartition())
      await wait(lasts)
      await killed.restart()
    },
    'freeze-leader': async (lasts) => {
      const frozen = await kafkaCluster().leader(ORDER_EVENTS, nextPartition())
      await frozen.kill('SIGSTOP')
      await wait(lasts)
      await frozen.kill('SIGCONT')
    },
    'move-leader': async () => {
      await kafkaCluster().moveLeader(ORDER_EVENTS, nextPartition())
    },
  }
  return { memberFaults, leaderFaults }
}
