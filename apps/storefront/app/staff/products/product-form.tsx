import { useEffect, useRef, useState } from 'react'
import { useRevalidator } from 'react-router'
import { mutate } from '../../api/api.ts'
import { ApiError } from '../../api/errors.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { ApiForm } from '../../ui/api-form.tsx'
import { Notice } from '../../ui/notice.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import { EditConflict } from './edit-conflict.tsx'
import type { EditedProductFragment } from './gen/edited-product.ts'
import { UpdateProductDocument } from './gen/update-product.ts'
import { mergeEdits, type Conflict } from './merge-edits.ts'
import { ProductFields, toInput, toTexts } from './product-fields.tsx'

type Props = {
  /** The product as it was read last. */
  product: EditedProductFragment
  categories: readonly { name: string }[]
}

/**
 * The form of a product's texts. It is saved only if nobody has changed the product since it was read; else the other version is
 * merged into the form, and what both have changed is shown for a choice.
 */
export function ProductForm({ product, categories }: Props) {
  const { language } = useI18n()
  const { products: texts } = useStaffMessages()
  const { revalidate } = useRevalidator()
  const [values, setValues] = useState(() => toTexts(product, language))
  const [conflict, setConflict] = useState<Conflict>()
  const [saved, setSaved] = useState(false)
  // The version that the form started from, or was merged with last.
  const base = useRef(product)
  // Whether saving was refused because of the other version, which is then shown in any case.
  const isRefused = useRef(false)

  useEffect(() => {
    if (product.revision <= base.current.revision) return
    const before = base.current
    const { merged, ...found } = mergeEdits(toTexts(before, language), values, toTexts(product, language))
    const isWorthShowing = isRefused.current || found.conflicts.length > 0 || found.taken.length > 0
    setConflict(isWorthShowing ? { ...found, hasNewPicture: product.image !== before.image } : undefined)
    setValues(merged)
    base.current = product
    isRefused.current = false
  }, [product, language, values])

  return (
    <div className="flex flex-col gap-5">
      {saved && <Notice tone="ok" title={texts.saved} />}
      {conflict && (
        <EditConflict
          conflict={conflict}
          values={values}
          onChoose={(field, value) => setValues((present) => ({ ...present, [field]: value }))}
        />
      )}
      <ApiForm
        submit={texts.save}
        onSubmit={async () => {
          setSaved(false)
          const { id, image, revision: expectedRevision } = base.current
          // What is omitted is emptied, except the stock, which stays.
          const input = { ...toInput(values), ...(image !== null && { image }) }
          try {
            const { updateProduct } = await mutate(UpdateProductDocument, { id, input, expectedRevision })
            base.current = updateProduct
            setValues(toTexts(updateProduct, language))
            setConflict(undefined)
            setSaved(true)
            await revalidate()
          } catch (error) {
            // The other version comes with the page's data, and is merged above.
            const code = error instanceof ApiError ? error.code : undefined
            isRefused.current = code === 'STALE'
            if (code === 'STALE' || code === 'NOT_FOUND') await revalidate()
            if (code !== 'STALE') throw error
          }
        }}
      >
        {(errors) => (
          <ProductFields
            texts={values}
            onChange={(field, value) => setValues((present) => ({ ...present, [field]: value }))}
            errors={errors}
            categories={categories}
          />
        )}
      </ApiForm>
    </div>
  )
}
