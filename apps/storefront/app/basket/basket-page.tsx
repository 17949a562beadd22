import { Trash2 } from 'lucide-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { Link, useNavigate } from 'react-router'
import { query } from '../api/api.ts'
import { ApiError, describeError } from '../api/errors.ts'
import type { ProductCardFragment } from '../catalogue/gen/product-card.ts'
import { ProductPicture } from '../catalogue/product-picture.tsx'
import { useI18n } from '../i18n/i18n.tsx'
import { useSession } from '../session/use-session.ts'
import { Button, ButtonLink } from '../ui/button.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { Notice } from '../ui/notice.tsx'
import { basket, MAX_QUANTITY, useBasket, type BasketLine } from './basket.ts'
import { BasketProductsDocument } from './gen/basket-products.ts'
import { isUndecided, prepareOrder, sendOrder, unansweredOrder, type UnansweredOrder } from './place-order.ts'
import { QuantityInput } from './quantity-input.tsx'

/** What is known of the products in the basket: null for one that is no longer sold, undefined while it is loaded. */
type Products = ReadonlyMap<string, ProductCardFragment | null>

/** How long to wait before asking again for an order whose answer did not arrive, in milliseconds. */
const RETRY_PAUSE = 3_000

/** Reads the products of the basket anew. @throws ApiError when they could not be read */
async function loadProducts(ids: readonly string[]): Promise<Products> {
  if (ids.length === 0) return new Map()
  const { productsByIds } = await query(BasketProductsDocument, { ids: [...ids] }, 'network-only')
  return new Map(
    ids.map((id, i) => {
      const product = productsByIds[i]
      return [id, product === null || product === undefined || product.archived ? null : product]
    }),
  )
}

/** The products of the basket with a function that reads them again. */
function useProducts(lines: readonly BasketLine[]) {
  const [products, setProducts] = useState<Products>(new Map())
  const [error, setError] = useState<unknown>()
  const ids = lines.map(({ productId }) => productId).join(' ')
  const reload = useCallback(async () => {
    try {
      setProducts(await loadProducts(ids === '' ? [] : ids.split(' ')))
      setError(undefined)
    } catch (cause) {
      setError(cause)
    }
  }, [ids])
  useEffect(() => void reload(), [reload])
  return { products, error, reload }
}

/** The sum of the lines at these prices, in euros. Cents are added as integers, so that the total is exact. */
const totalOf = (lines: readonly BasketLine[], products: Products): number =>
  lines.reduce(
    (cents, { productId, quantity }) => cents + Math.round((products.get(productId)?.price ?? 0) * 100) * quantity,
    0,
  ) / 100

type Placing =
  | { status: 'idle' }
  | { status: 'sending' }
  | { status: 'unknown'; order: UnansweredOrder }
  | { status: 'failed'; error: ApiError }

/** The basket, and the button that orders it. */
export default function BasketPage() {
  const { messages, formats, href } = useI18n()
  const session = useSession()
  const navigate = useNavigate()
  const lines = useBasket()
  const { products, error, reload } = useProducts(lines)
  const [placing, setPlacing] = useState<Placing>({ status: 'idle' })
  const isSending = useRef(false)

  const send = useCallback(
    async (order: UnansweredOrder) => {
      if (isSending.current) return
      isSending.current = true
      setPlacing({ status: 'sending' })
      try {
        const id = await sendOrder(order)
        basket.clear()
        await navigate(href(`/orders/${id}`), { state: { placed: true } })
      } catch (cause) {
        const failure = cause instanceof ApiError ? cause : new ApiError('NETWORK', String(cause))
        setPlacing(isUndecided(failure) ? { status: 'unknown', order } : { status: 'failed', error: failure })
        void reload()
      } finally {
        isSending.current = false
      }
    },
    [href, navigate, reload],
  )

  // An order whose answer did not arrive, now or before a reload, is asked for again until it is answered.
  const signedIn = session.status === 'signed-in'
  useEffect(() => {
    if (!signedIn) return
    const order = unansweredOrder()
    if (order !== undefined) setPlacing((now) => (now.status === 'idle' ? { status: 'unknown', order } : now))
  }, [signedIn])
  useEffect(() => {
    if (placing.status !== 'unknown') return
    const timer = setTimeout(() => void send(placing.order), RETRY_PAUSE)
    return () => clearTimeout(timer)
  }, [placing, send])

  const total = useMemo(() => totalOf(lines, products), [lines, products])
  const isLoaded = lines.every(({ productId }) => products.has(productId))
  const canOrder =
    isLoaded &&
    placing.status !== 'sending' &&
    placing.status !== 'unknown' &&
    lines.every(({ productId, quantity }) => (products.get(productId)?.stock ?? 0) >= quantity)

  const order = (): void => {
    basket.acceptPrices(new Map([...products].map(([id, product]) => [id, product?.price ?? 0])))
    void send(prepareOrder(lines, total))
  }

  return (
    <>
      <title>{`${messages.basket.title} · Halles`}</title>
      {lines.length === 0 && placing.status === 'idle' ? (
        <EmptyState title={messages.basket.emptyTitle} text={messages.basket.emptyText}>
          <ButtonLink to={href('/products')}>{messages.home.browse}</ButtonLink>
        </EmptyState>
      ) : (
        <>
          <h1 className="font-display text-3xl font-bold sm:text-4xl">{messages.basket.title}</h1>
          <div className="mt-6 grid gap-8 lg:grid-cols-[1fr_20rem]">
            <div className="flex flex-col gap-4">
              <PlacingNotice placing={placing} onRetry={(unanswered) => void send(unanswered)} />
              {error !== undefined && (
                <Notice tone="danger" title={describeError(error, messages)}>
                  <button type="button" className="min-h-11 font-semibold underline" onClick={() => void reload()}>
                    {messages.errors.retry}
                  </button>
                </Notice>
              )}
              <ul className="divide-y divide-line rounded-card border border-line bg-surface">
                {lines.map((line) => (
                  <Line key={line.productId} line={line} product={products.get(line.productId)} />
                ))}
              </ul>
            </div>
            <aside className="h-fit rounded-card border border-line bg-surface p-5 lg:sticky lg:top-24">
              <dl className="flex items-baseline justify-between gap-4 text-xl font-bold">
                <dt>{messages.basket.total}</dt>
                <dd className="tabular-nums">{isLoaded ? formats.money(total) : '…'}</dd>
              </dl>
              <p className="mt-1 text-sm text-muted">{messages.basket.payment}</p>
              {session.status === 'anonymous' ? (
                <>
                  <ButtonLink
                    to={`${href('/sign-in')}?next=${encodeURIComponent(href('/basket'))}`}
                    className="mt-5 w-full"
                  >
                    {messages.basket.signInToOrder}
                  </ButtonLink>
                  <p className="mt-3 text-sm text-muted">{messages.basket.keptNote}</p>
                </>
              ) : (
                <Button className="mt-5 w-full" disabled={!canOrder || !signedIn} onClick={order}>
                  {placing.status === 'sending' ? messages.basket.ordering : messages.basket.order}
                </Button>
              )}
            </aside>
          </div>
        </>
      )}
    </>
  )
}

function PlacingNotice({ placing, onRetry }: { placing: Placing; onRetry: (order: UnansweredOrder) => void }) {
  const { messages } = useI18n()
  if (placing.status === 'unknown')
    return (
      <Notice tone="warn" title={messages.basket.unknownTitle}>
        <p>{messages.basket.unknownText}</p>
        <button type="button" className="min-h-11 font-semibold underline" onClick={() => onRetry(placing.order)}>
          {messages.basket.retry}
        </button>
      </Notice>
    )
  if (placing.status !== 'failed') return null
  const { code } = placing.error
  if (code === 'PRICE_CHANGED')
    return (
      <Notice tone="warn" title={messages.basket.pricesChangedTitle}>
        {messages.basket.pricesChangedText}
      </Notice>
    )
  if (code === 'INSUFFICIENT_STOCK' || code === 'PRODUCT_UNAVAILABLE')
    return (
      <Notice tone="warn" title={messages.basket.stockChangedTitle}>
        {messages.basket.stockChangedText}
      </Notice>
    )
  return (
    <Notice tone="danger" title={messages.basket.failedTitle}>
      {describeError(placing.error, messages)}
    </Notice>
  )
}

function Line({ line, product }: { line: BasketLine; product: ProductCardFragment | null | undefined }) {
  const { messages, formats, href } = useI18n()
  const { productId, quantity } = line
  if (product === undefined) return <li className="h-32 animate-pulse" aria-label={messages.loading} />
  const name = product?.name ?? messages.basket.unavailable
  return (
    <li className="flex gap-4 p-4">
      <ProductPicture image={product?.image ?? null} sizes="6rem" className="size-20 shrink-0 rounded-xl sm:size-24" />
      <div className="flex min-w-0 flex-1 flex-col gap-2">
        <div className="flex items-start justify-between gap-3">
          <h2 className="font-semibold [overflow-wrap:anywhere]" dir="auto">
            {product === null ? (
              name
            ) : (
              <Link to={href(`/products/${productId}`)} className="hover:underline">
                {name}
              </Link>
            )}
          </h2>
          {product && (
            <p className="whitespace-nowrap font-bold tabular-nums">
              {formats.money((Math.round(product.price * 100) * quantity) / 100)}
            </p>
          )}
        </div>
        <LineProblem line={line} product={product} />
        <div className="mt-auto flex flex-wrap items-center gap-3">
          {product && product.stock > 0 && (
            <QuantityInput
              label={messages.basket.quantityOf(name)}
              value={quantity}
              max={MAX_QUANTITY}
              onChange={(wanted) => basket.setQuantity(productId, wanted)}
            />
          )}
          {product && (
            <span className="text-sm text-muted">{`${formats.money(product.price)} ${messages.basket.each}`}</span>
          )}
          <button
            type="button"
            aria-label={messages.basket.removeNamed(name)}
            className="ml-auto inline-flex min-h-11 min-w-11 items-center justify-center rounded-full text-muted hover:bg-sunken"
            onClick={() => basket.remove(productId)}
          >
            <Trash2 className="size-5" aria-hidden="true" />
          </button>
        </div>
      </div>
    </li>
  )
}

/** Why a line cannot be ordered as it is, and what can be had instead. */
function LineProblem({
  line: { productId, quantity, price },
  product,
}: {
  line: BasketLine
  product: ProductCardFragment | null
}) {
  const { messages, formats } = useI18n()
  if (product === null) return <p className="text-sm font-medium text-danger">{messages.basket.unavailable}</p>
  if (product.stock === 0) return <p className="text-sm font-medium text-danger">{messages.basket.soldOut}</p>
  return (
    <>
      {product.price !== price && (
        <p className="text-sm font-medium text-warn">
          {messages.basket.priceChanged(formats.money(price), formats.money(product.price))}
        </p>
      )}
      {product.stock < quantity && (
        <p className="text-sm font-medium text-warn">
          {messages.basket.onlyLeft(product.stock)}{' '}
          <button
            type="button"
            className="inline-flex min-h-11 items-center font-semibold underline underline-offset-4"
            onClick={() => basket.setQuantity(productId, product.stock)}
          >
            {messages.basket.takeLeft(product.stock)}
          </button>
        </p>
      )}
    </>
  )
}
