import { Check, Plus } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'react-router'
import { basket } from '../basket/basket.ts'
import { useI18n } from '../i18n/i18n.tsx'
import type { ProductCardFragment } from './gen/product-card.ts'
import { ProductPicture } from './product-picture.tsx'
import { StockLabel } from './stock-label.tsx'

type Props = {
  product: ProductCardFragment
  /** Whether the picture is among the first that a visitor sees. */
  eager?: boolean
  /** The heading of the name: one level below that of the list. */
  heading?: 'h2' | 'h3'
}

/** A product in a list: picture, name, price, stock, and a button that adds one to the basket. */
export function ProductCard({ product, eager = false, heading: Heading = 'h3' }: Props) {
  const { messages, formats, href } = useI18n()
  const { id, name, price, category, stock, image } = product
  return (
    <article className="group relative flex flex-col overflow-hidden rounded-card border border-line bg-surface transition-shadow hover:shadow-md">
      <ProductPicture image={image} eager={eager} className="aspect-square w-full" />
      <div className="flex flex-1 flex-col gap-1 p-3 sm:p-4">
        <p className="truncate text-sm text-muted">{category}</p>
        <Heading className="line-clamp-2 font-semibold leading-snug [overflow-wrap:anywhere]" dir="auto">
          <Link to={href(`/products/${id}`)} prefetch="intent" className="after:absolute after:inset-0">
            {name}
          </Link>
        </Heading>
        <StockLabel stock={stock} quiet />
        <div className="mt-auto flex items-center justify-between gap-2 pt-2">
          <p className="text-lg font-bold tabular-nums">{formats.money(price)}</p>
          {stock > 0 && <AddButton product={product} label={messages.product.addNamed(name)} />}
        </div>
      </div>
    </article>
  )
}

function AddButton({ product: { id, price }, label }: { product: ProductCardFragment; label: string }) {
  const { messages } = useI18n()
  const [added, setAdded] = useState(false)
  return (
    <>
      <button
        type="button"
        aria-label={label}
        className="relative z-10 inline-flex size-11 items-center justify-center rounded-full bg-brand text-on-brand hover:bg-brand-strong"
        onClick={() => {
          basket.add({ productId: id, quantity: 1, price })
          setAdded(true)
          setTimeout(() => setAdded(false), 1500)
        }}
      >
        {added ? <Check className="size-5" aria-hidden="true" /> : <Plus className="size-5" aria-hidden="true" />}
      </button>
      <span role="status" className="sr-only">
        {added && messages.product.added}
      </span>
    </>
  )
}
