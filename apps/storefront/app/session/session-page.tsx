import type { ReactNode } from 'react'

/** The frame of a page with one form: sign-in, registration, a new password. */
export function SessionPage({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="mx-auto max-w-md">
      <title>{`${title} · Halles`}</title>
      <meta name="robots" content="noindex" />
      <h1 className="mb-6 font-display text-3xl font-bold sm:text-4xl">{title}</h1>
      {children}
    </div>
  )
}
