import { clsx } from 'clsx'
import { CircleAlert, CircleCheck, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'

const tones = {
  ok: { style: 'bg-ok-soft text-ok', Icon: CircleCheck },
  warn: { style: 'bg-warn-soft text-warn', Icon: TriangleAlert },
  danger: { style: 'bg-danger-soft text-danger', Icon: CircleAlert },
}

/** A message about what just happened. Screen readers announce it. */
export function Notice({ tone, title, children }: { tone: keyof typeof tones; title: string; children?: ReactNode }) {
  const { style, Icon } = tones[tone]
  return (
    <div role={tone === 'ok' ? 'status' : 'alert'} className={clsx('flex gap-3 rounded-card p-4', style)}>
      <Icon className="mt-0.5 size-5 shrink-0" aria-hidden="true" />
      <div className="min-w-0">
        <p className="font-semibold">{title}</p>
        {children && <div className="mt-1 text-ink">{children}</div>}
      </div>
    </div>
  )
}
