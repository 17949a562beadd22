import { Outlet } from 'react-router'
import { PageSkeleton } from '../ui/skeleton.tsx'
import { requireSession } from '../session/require-session.ts'
import type { Route } from './+types/signed-in.ts'

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  await requireSession(request)
  return null
}
clientLoader.hydrate = true as const

export function HydrateFallback() {
  return <PageSkeleton />
}

/** The pages that only a signed-in user has. They are rendered in the browser, which alone has the session. */
export default function SignedIn() {
  return <Outlet />
}
