import type { emailsFr } from './fr.ts'

export const emailsEn: typeof emailsFr = {
  title: 'E-mails',
  word: (count) => (count === 1 ? 'e-mail' : 'e-mails'),
  statuses: 'Status of the e-mails',
  tabs: { FAILED: 'Failed', PENDING: 'Pending', SENT: 'Sent', ALL: 'All' },
  search: 'Name or e-mail of the customer',
  filter: 'Search',
  tooManyCustomers:
    'More than 20 customers match: these are the e-mails of the 20 newest. Make the name or e-mail more precise.',
  emptyTitle: 'No e-mails',
  noneFailedTitle: 'No failed e-mails',
  noneFailedText: 'Everything that was due was sent, or will be tried again.',
  emptyText: 'No e-mail matches this choice.',
  attempts: (count) => (count === 1 ? '1 attempt' : `${count} attempts`),
  sentAt: (date) => `Sent on ${date}`,
  createdAt: (date) => `Created on ${date}`,
  order: (number) => `Order no. ${number}`,
  account: 'Account',
  resend: 'Resend',
  resendNow: 'Send now',
  resendOf: (label, subject) => `${label}: ${subject}`,
  resendAll: (count) => (count === 1 ? 'Resend this e-mail' : `Resend the ${count} e-mails shown`),
  requested: 'Sending requested.',
  resent: (count) => (count === 1 ? '1 sending requested.' : `${count} sendings requested.`),
  notResent: (count) =>
    count === 1 ? '1 sending could not be requested.' : `${count} sendings could not be requested.`,
  erased: 'Erased address',
}
