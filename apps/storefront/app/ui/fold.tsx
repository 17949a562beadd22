import type { ReactNode } from 'react'

/** A form that is opened by a click on its title. */
export function Fold({ title, children }: { title: string; children: ReactNode }) {
  return (
    <details className="mt-4 border-t border-line pt-2">
      <summary className="flex min-h-11 items-center font-semibold text-brand">{title}</summary>
      <div className="pt-3">{children}</div>
    </details>
  )
}
