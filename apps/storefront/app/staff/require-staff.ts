import { data } from 'react-router'
import { requireSession } from '../session/require-session.ts'
import { session } from '../session/session.ts'

/** Leads anonymous visitors to the sign-in page, and shows those who are not admins a page that says so. */
export async function requireStaff(request: Request): Promise<void> {
  await requireSession(request)
  const state = session.state()
  // The services decide what each user may do; this decides only which page is shown.
  if (state.status !== 'signed-in' || state.user.role !== 'admin') throw data(null, { status: 403 })
}
