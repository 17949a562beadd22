import { useStaffMessages } from '../staff-i18n.ts'

type Customer = { name: string; email: string } | null

/** The customer of an order, as their account is now. auth-service may be away; a deleted account has no name. */
export function CustomerName({ customer }: { customer: Customer }) {
  const { orders: texts } = useStaffMessages()
  if (customer === null) return <span className="text-muted">{texts.unknownCustomer}</span>
  if (customer.name === '') return <span className="text-muted">{texts.deletedCustomer}</span>
  return (
    <>
      <bdi className="[overflow-wrap:anywhere]">{customer.name}</bdi>
      <span className="block text-sm text-muted [overflow-wrap:anywhere]">{customer.email}</span>
    </>
  )
}
