import { clsx } from 'clsx'
import type { ButtonHTMLAttributes } from 'react'
import { Link, type LinkProps } from 'react-router'

type Look = 'primary' | 'secondary' | 'quiet' | 'danger'

const looks: Record<Look, string> = {
  primary: 'bg-brand text-on-brand hover:bg-brand-strong disabled:bg-sunken disabled:text-muted',
  secondary: 'border border-control bg-surface text-ink hover:bg-sunken disabled:text-muted',
  quiet: 'text-brand underline-offset-4 hover:underline disabled:text-muted',
  danger: 'border border-danger text-danger hover:bg-danger-soft disabled:border-line disabled:text-muted',
}

const style = (look: Look, className: string | undefined): string =>
  clsx(
    'inline-flex min-h-11 items-center justify-center gap-2 rounded-full px-5 py-2 text-base font-semibold transition-colors',
    looks[look],
    className,
  )

/** A button. Its area is at least 44 px high, for fingers. */
export function Button({
  look = 'primary',
  className,
  type = 'button',
  ...props
}: ButtonHTMLAttributes<HTMLButtonElement> & { look?: Look }) {
  return <button type={type} className={style(look, className)} {...props} />
}

/** A link that looks like a button. */
export function ButtonLink({ look = 'primary', className, ...props }: LinkProps & { look?: Look; className?: string }) {
  return <Link className={style(look, className)} {...props} />
}
