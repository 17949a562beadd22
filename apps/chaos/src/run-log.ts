import type { AccountEventType } from '@halles/contracts/account-events'
import type { Api, Line, Outcome, SeenOrder } from './load/shop-client.ts'
import type { Violation } from './violation.ts'

/** When a client sent a request and when it had the outcome, in milliseconds since 1970. */
type Span = { from: number; to: number }

export type PlaceOrderRequest = Span & {
  userId: string
  key: string | undefined
  lines: Line[]
  api: Api
  outcome: Outcome<SeenOrder>
}
export type ChangeStatusRequest = Span & {
  orderId: string
  status: string
  by: 'owner' | 'admin'
  api: Api
  outcome: Outcome<SeenOrder>
}
export type AdjustStockRequest = Span & {
  productId: string
  delta: number
  reason: string
  api: Api
  outcome: Outcome<unknown>
}
export type ResendEmailRequest = Span & { emailId: string; outcome: Outcome<unknown> }

/** What a simulated owner does with their account, and the type of the event of which the contract promises an e-mail. */
export const accountActions = {
  register: 'account.email-verification-requested',
  'request verification': 'account.email-verification-requested',
  'verify address': undefined,
  'request password reset': 'account.password-reset-requested',
  'reset password': 'account.password-changed',
  'change password': 'account.password-changed',
  'request e-mail change': 'account.email-change-requested',
  'change e-mail': 'account.email-changed',
  'delete account': undefined,
} as const satisfies Record<string, AccountEventType | undefined>
export type AccountAction = keyof typeof accountActions

export type AccountRequest = Span & {
  action: AccountAction
  /** The name of the account in the load. */
  account: string
  /** The address to which the e-mail about it must go; undefined where there must be none. */
  recipient: string | undefined
  outcome: Outcome<unknown>
}

export type RunLog = ReturnType<typeof createRunLog>

/** Records every request of every client and its outcome. The invariants compare the shop's data with this log. */
export function createRunLog() {
  const violations: Violation[] = []
  const counts = new Map<string, Map<string, number>>()
  const placeOrderRequests: PlaceOrderRequest[] = []
  const changeStatusRequests: ChangeStatusRequest[] = []
  const adjustStockRequests: AdjustStockRequest[] = []
  const resendEmailRequests: ResendEmailRequest[] = []
  const accountRequests: AccountRequest[] = []
  /** The user id of each account of the load, by its name. */
  const userIds = new Map<string, string>()
  const acceptedOrders = new Map<string, SeenOrder>()

  const count = (operation: string, outcome: Outcome<unknown>): void => {
    const row = counts.get(operation) ?? new Map<string, number>()
    const label = labelOf(outcome)
    counts.set(operation, row.set(label, (row.get(label) ?? 0) + 1))
  }

  return {
    placeOrderRequests,
    changeStatusRequests,
    adjustStockRequests,
    resendEmailRequests,
    accountRequests,
    userIds,
    /** Orders as the admins of the load know them, by id, in the order of their first 201. */
    acceptedOrders,
    violations,
    /** How many requests of each operation had each outcome. */
    counts,
    count,
    recordPlaceOrder: (request: PlaceOrderRequest): void => {
      const { outcome, api } = request
      if (outcome.kind === 'success' && !acceptedOrders.has(outcome.value.id))
        acceptedOrders.set(outcome.value.id, { ...outcome.value })
      placeOrderRequests.push(request)
      count(`place order (${api})`, outcome)
    },
    recordChangeStatus: (request: ChangeStatusRequest): void => {
      changeStatusRequests.push(request)
      count(request.by === 'owner' ? 'cancel own order' : 'change order status', request.outcome)
    },
    recordAdjustStock: (request: AdjustStockRequest): void => {
      adjustStockRequests.push(request)
      count('adjust stock', request.outcome)
    },
    recordResendEmail: (request: ResendEmailRequest): void => {
      resendEmailRequests.push(request)
      count('resend email', request.outcome)
    },
    recordAccountRequest: (request: AccountRequest): void => {
      accountRequests.push(request)
      count(request.action, request.outcome)
    },
    /** Records a violation that shows during the run, without the shop's data. */
    reportViolation: (violation: Violation): void => {
      violations.push(violation)
    },
  }
}

function labelOf(outcome: Outcome<unknown>): string {
  switch (outcome.kind) {
    case 'success':
      return outcome.replayed ? 'replayed' : 'success'
    case 'rejected':
      return outcome.code
    case 'unknown':
      return `unknown (${outcome.reason})`
  }
}
