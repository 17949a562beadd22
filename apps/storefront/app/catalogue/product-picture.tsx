import { clsx } from 'clsx'

/** The sizes in which the shop has uploaded pictures, as a `srcset`; undefined for an image from elsewhere. */
function toSrcSet(image: string): string | undefined {
  const [, base] = /^(\/api\/pictures\/[0-9a-f]+)-\d+\.webp$/.exec(image) ?? []
  return base && [320, 640, 1280].map((size) => `${base}-${size}.webp ${size}w`).join(', ')
}

/** The picture of a product, or a drawing in its place. It is beside the name, which says what it shows, so it has no text. */
export function ProductPicture({
  image,
  eager = false,
  sizes = '(min-width: 1024px) 20rem, (min-width: 768px) 33vw, 50vw',
  className,
}: {
  image: string | null
  eager?: boolean
  /** How wide it is shown, as in an `img`: by default as in a list. */
  sizes?: string
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
          srcSet={toSrcSet(image)}
          sizes={sizes}
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
