import { clsx } from 'clsx'

/** The picture of a product, or a drawing in its place. It is beside the name, which says what it shows, so it has no text. */
export function ProductPicture({
  image,
  eager = false,
  className,
}: {
  image: string | null
  eager?: boolean
  className?: string
}) {
  return (
    <div className={clsx('overflow-hidden bg-sunken', className)}>
      {image === null ? (
        <svg
          viewBox="0 0 96 72"
          className="size-full p-8 text-line"
          fill="none"
          stroke="currentColor"
          strokeWidth="4"
          aria-hidden="true"
        >
          <path d="M20 30h56l-6 32H26zM32 30l8-18M64 30l-8-18" strokeLinecap="round" strokeLinejoin="round" />
        </svg>
      ) : (
        <img
          src={image}
          alt=""
          width={400}
          height={400}
          loading={eager ? 'eager' : 'lazy'}
          fetchPriority={eager ? 'high' : 'auto'}
          decoding="async"
          className="size-full object-cover"
        />
      )}
    </div>
  )
}
