import { Link } from 'react-router'
import { ProductPicture } from '../../catalogue/product-picture.tsx'
import { useI18n } from '../../i18n/i18n.tsx'
import { card } from '../list.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import type { StaffProductsQuery } from './gen/staff-products.ts'
import { StockBadge } from './stock-badge.tsx'

type ListedProduct = StaffProductsQuery['products']['nodes'][number]

/** A page of products. On a phone category and price stand below the name. */
export function ProductsTable({ products }: { products: readonly ListedProduct[] }) {
  const { formats, href } = useI18n()
  const { products: texts } = useStaffMessages()
  const cell = 'px-3 py-3 align-middle'
  const wide = `${cell} hidden md:table-cell`
  const head = 'font-medium'
  return (
    <table className={`${card} w-full border-separate border-spacing-0`}>
      <caption className="sr-only">{texts.title}</caption>
      <thead className="text-left text-sm text-muted">
        <tr>
          <th scope="col" className={`${cell} ${head}`}>
            {texts.columns.product}
          </th>
          <th scope="col" className={`${wide} ${head}`}>
            {texts.columns.category}
          </th>
          <th scope="col" className={`${wide} ${head} text-right`}>
            {texts.columns.price}
          </th>
          <th scope="col" className={`${cell} ${head} text-right`}>
            {texts.columns.stock}
          </th>
        </tr>
      </thead>
      <tbody>
        {products.map(({ id, name, category, price, stock, image }) => (
          <tr key={id} className="[&>td]:border-t [&>td]:border-line">
            <td className={cell}>
              <div className="flex items-center gap-3">
                <ProductPicture image={image} sizes="3.5rem" className="size-14 shrink-0 rounded-xl [&>svg]:p-3" />
                <div className="min-w-0">
                  <Link
                    to={href(`/staff/products/${id}`)}
                    prefetch="intent"
                    className="line-clamp-2 font-semibold text-brand underline-offset-4 [overflow-wrap:anywhere] hover:underline"
                    dir="auto"
                  >
                    {name}
                  </Link>
                  <p className="line-clamp-1 text-sm text-muted [overflow-wrap:anywhere] md:hidden">
                    {formats.money(price)}
                    {' · '}
                    <bdi>{category}</bdi>
                  </p>
                </div>
              </div>
            </td>
            <td className={`${wide} w-48 [overflow-wrap:anywhere]`}>
              <bdi>{category}</bdi>
            </td>
            <td className={`${wide} whitespace-nowrap text-right tabular-nums`}>{formats.money(price)}</td>
            <td className={`${cell} whitespace-nowrap text-right`}>
              <StockBadge stock={stock} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
