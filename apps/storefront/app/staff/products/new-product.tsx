import { useState } from 'react'
import { Link, useNavigate } from 'react-router'
import { mutate, query } from '../../api/api.ts'
import { useI18n } from '../../i18n/i18n.tsx'
import { ApiForm } from '../../ui/api-form.tsx'
import { Field } from '../../ui/field.tsx'
import { card, PageHeading } from '../list.tsx'
import { requireStaff } from '../require-staff.ts'
import { useStaffMessages } from '../staff-i18n.ts'
import type { Route } from './+types/new-product.ts'
import { CreateProductDocument } from './gen/create-product.ts'
import { ProductCategoriesDocument } from './gen/product-categories.ts'
import { ProductFields, toInput } from './product-fields.tsx'

export async function clientLoader({ request }: Route.ClientLoaderArgs) {
  await requireStaff(request)
  return query(ProductCategoriesDocument, {})
}

/** Puts a new product on sale; its picture is added on its page. */
export default function NewProduct({ loaderData: { categories } }: Route.ComponentProps) {
  const { href } = useI18n()
  const { products: texts } = useStaffMessages()
  const navigate = useNavigate()
  const [values, setValues] = useState({ name: '', category: '', price: '', description: '' })
  return (
    <div className="mx-auto max-w-2xl">
      <Link to={href('/staff/products')} className="inline-flex min-h-11 items-center text-brand underline">
        {texts.back}
      </Link>
      <PageHeading title={texts.createTitle} />
      <div className={`${card} mt-6 p-5 sm:p-6`}>
        <ApiForm
          submit={texts.create}
          onSubmit={async ({ stock = '0' }) => {
            const input = { ...toInput(values), stock: Number(stock) }
            const { createProduct } = await mutate(CreateProductDocument, { input })
            await navigate(href(`/staff/products/${createProduct.id}`), { state: { created: true } })
          }}
        >
          {(errors) => (
            <>
              <ProductFields
                texts={values}
                onChange={(field, value) => setValues((present) => ({ ...present, [field]: value }))}
                errors={errors}
                categories={categories}
              />
              <Field
                label={texts.openingStock}
                name="stock"
                type="number"
                inputMode="numeric"
                min={0}
                max={1_000_000}
                required
                defaultValue="0"
                error={errors['stock']}
                className="sm:w-48"
              />
            </>
          )}
        </ApiForm>
      </div>
    </div>
  )
}
