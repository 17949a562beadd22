import type { ReactNode } from 'react'

type Props = {
  title: string
  text: string
  /** `h2` below the heading of a page. */
  heading?: 'h1' | 'h2'
  children?: ReactNode
}

/** What stands where there is nothing to show: why, and what to do. */
export function EmptyState({ title, text, heading: Heading = 'h1', children }: Props) {
  return (
    <div className="flex flex-col items-center gap-4 py-16 text-center">
      <svg
        viewBox="0 0 96 64"
        className="h-16 text-line"
        fill="none"
        stroke="currentColor"
        strokeWidth="4"
        aria-hidden="true"
      >
        <path
          d="M8 28 48 6l40 22M14 28h68M20 28v30M76 28v30M8 58h80M36 58V40h24v18"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </svg>
      <Heading className="font-display text-3xl">{title}</Heading>
      <p className="max-w-prose text-muted">{text}</p>
      {children}
    </div>
  )
}
