/** The roof of a covered market, with the shop's name. */
export function Logo() {
  return (
    <span className="inline-flex items-center gap-2">
      <svg viewBox="0 0 48 40" className="h-8" fill="none" stroke="currentColor" strokeWidth="3.5" aria-hidden="true">
        <path d="M4 17 24 4l20 13M9 17v19M39 17v19M17 36V24h14v12" strokeLinecap="round" strokeLinejoin="round" />
      </svg>
      <span className="font-display text-2xl font-bold tracking-tight">Halles</span>
    </span>
  )
}
