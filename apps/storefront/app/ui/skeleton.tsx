import { useI18n } from '../i18n/i18n.tsx'

const bar = 'animate-pulse rounded-lg bg-sunken'

/** The outline of a page while its content is loaded. */
export function PageSkeleton() {
  const { messages } = useI18n()
  return (
    <div role="status" data-loading="page">
      <title>{`${messages.loading} · Halles`}</title>
      <h1 className="sr-only">{messages.loading}</h1>
      <div className={`${bar} h-10 w-2/3 max-w-sm`} />
      <div className="mt-8 flex flex-col gap-3" aria-hidden="true">
        <div className={`${bar} h-24`} />
        <div className={`${bar} h-24`} />
        <div className={`${bar} h-24`} />
      </div>
    </div>
  )
}
