import { ExternalLink } from 'lucide-react'
import { useState } from 'react'
import { data, Link, useLocation, useRevalidator } from 'react-router'
import { mutate, query } from '../../api/api.ts'
import { ApiError, describeError } from '../../api/errors.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { Button, ButtonLink } from '../../ui/button.tsx'
import { ConfirmButton } from '../../ui/confirm-button.tsx'
import { Notice } from '../../ui/notice.tsx'
import { card, PageHeading } from '../list.tsx'
import { requireStaff } from '../require-staff.ts'
import { useStaffMessages } from '../staff-i18n.ts'
import type { Route } from './+types/product.ts'
import { ArchiveProductDocument } from './gen/archive-product.ts'
import { RestoreProductDocument } from './gen/restore-product.ts'
import { StaffProductDocument } from './gen/staff-product.ts'
import { Ledger } from './ledger.tsx'
import { PictureCard } from './picture-card.tsx'
import { ProductForm } from './product-form.tsx'
import { StockCard } from './stock-card.tsx'

/** Stock movements on a page. */
const PAGE_SIZE = 10

export async function clientLoader({ request, params: { id } }: Route.ClientLoaderArgs) {
  await requireStaff(request)
  const after = new URL(request.url).searchParams.get('after')
  const variables = { id, first: PAGE_SIZE, after }
  const { product, categories } = await query(StaffProductDocument, variables, 'network-only').catch(
    (error: unknown) => {
      if (error instanceof ApiError && error.code === 'NOT_FOUND') throw data(null, { status: 404 })
      throw error
    },
  )
  if (product === null) throw data(null, { status: 404 })
  return { product, categories }
}

/** A product as the staff sees it: its texts, picture and stock, what changed the stock, and whether it is on sale. */
export default function StaffProduct({ loaderData: { product, categories } }: Route.ComponentProps) {
  const { href } = useI18n()
  const { products: texts } = useStaffMessages()
  const { state } = useLocation()
  const isNew = (state as { created?: boolean } | null)?.created === true && product.image === null
  const { id, name, archived, stock } = product
  return (
    <>
      <Link to={href('/staff/products')} className="inline-flex min-h-11 items-center text-brand underline">
        {texts.back}
      </Link>
      <PageHeading title={name}>
        {!archived && (
          <ButtonLink look="secondary" to={href(`/products/${id}`)}>
            <ExternalLink className="size-4" aria-hidden="true" />
            {texts.seeInShop}
          </ButtonLink>
        )}
      </PageHeading>
      <div className="mt-6 flex flex-col gap-6">
        {isNew && <Notice tone="ok" title={texts.created} />}
        {archived && <Archived id={id} />}
        {!archived && (
          <div className="grid items-start gap-6 *:min-w-0 lg:grid-cols-[1fr_22rem] lg:grid-rows-[auto_1fr]">
            <section aria-labelledby="details" className={`${card} p-5 sm:p-6`}>
              <h2 id="details" className="mb-5 text-xl font-bold">
                {texts.details}
              </h2>
              <ProductForm key={id} product={product} categories={categories} />
              <div className="mt-8 border-t border-line pt-5">
                <ArchiveButton id={id} />
              </div>
            </section>
            <div className="flex flex-col gap-6 lg:col-start-2 lg:row-span-2 lg:row-start-1">
              <PictureCard key={id} product={product} />
              <StockCard key={`stock ${id}`} id={id} stock={stock} />
            </div>
            <Ledger movements={product.stockMovements} />
          </div>
        )}
        {archived && <Ledger movements={product.stockMovements} />}
      </div>
    </>
  )
}

/** Runs a change of whether the product is on sale, and reads the page again. */
function useSaleChange(change: () => Promise<unknown>) {
  const { revalidate } = useRevalidator()
  const [error, setError] = useState<unknown>()
  const start = async (): Promise<void> => {
    try {
      await change()
      setError(undefined)
    } catch (cause) {
      setError(cause)
    }
    await revalidate()
  }
  return { error, start }
}

function ArchiveButton({ id }: { id: string }) {
  const { messages } = useI18n()
  const { products: texts } = useStaffMessages()
  const { error, start } = useSaleChange(() => mutate(ArchiveProductDocument, { id }))
  return (
    <>
      {error !== undefined && <Notice tone="danger" title={describeError(error, messages)} />}
      <ConfirmButton
        label={texts.archive.label}
        title={texts.archive.title}
        text={texts.archive.text}
        keep={texts.archive.keep}
        onConfirm={() => void start()}
      />
    </>
  )
}

function Archived({ id }: { id: string }) {
  const { messages } = useI18n()
  const { products: texts } = useStaffMessages()
  const { error, start } = useSaleChange(() => mutate(RestoreProductDocument, { id }))
  return (
    <>
      {error !== undefined && <Notice tone="danger" title={describeError(error, messages)} />}
      <Notice tone="warn" title={texts.archive.done}>
        <Button look="secondary" className="mt-3" onClick={() => void start()}>
          {texts.archive.restore}
        </Button>
      </Notice>
    </>
  )
}
