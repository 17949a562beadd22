import type { Language } from '../../i18n/language.ts'
import { Field } from '../../ui/field.tsx'
import { TextAreaField } from '../../ui/text-area-field.tsx'
import { useStaffMessages } from '../staff-i18n.ts'

/** What an admin writes about a product, as the form has it. */
export type ProductTexts = { name: string; category: string; price: string; description: string }

export const textFields = ['name', 'category', 'price', 'description'] as const satisfies (keyof ProductTexts)[]
export type TextField = (typeof textFields)[number]

type Product = { name: string; category: string; price: number; description: string | null }

/** The texts of the form for a product: its price as one writes it in that language. */
export const toTexts = ({ name, category, price, description }: Product, language: Language): ProductTexts => ({
  name,
  category,
  price: language === 'fr' ? price.toFixed(2).replace('.', ',') : price.toFixed(2),
  description: description ?? '',
})

/** The input of the API for the texts of the form. A price may have a comma. */
export const toInput = ({ name, category, price, description }: ProductTexts) => ({
  name,
  category,
  price: Number(price.trim().replace(',', '.')),
  ...(description.trim() !== '' && { description }),
})

type Props = {
  texts: ProductTexts
  onChange: (field: TextField, value: string) => void
  errors: Record<string, string>
  categories: readonly { name: string }[]
}

/** The fields of a product's texts. */
export function ProductFields({ texts, onChange, errors, categories }: Props) {
  const { products: labels } = useStaffMessages()
  const field = (name: TextField) => ({
    label: labels[name],
    name,
    value: texts[name],
    onChange: ({ target }: { target: { value: string } }) => onChange(name, target.value),
    error: errors[name],
  })
  return (
    <>
      <Field {...field('name')} required maxLength={200} dir="auto" />
      <div className="grid items-start gap-5 sm:grid-cols-2">
        <Field {...field('category')} required maxLength={60} list="product-categories" autoComplete="off" dir="auto" />
        <datalist id="product-categories">
          {categories.map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <Field
          {...field('price')}
          required
          inputMode="decimal"
          pattern="\s*\d{1,6}([.,]\d{1,2})?\s*"
          title={labels.priceHint}
          hint={labels.priceHint}
          autoComplete="off"
        />
      </div>
      <TextAreaField {...field('description')} maxLength={5000} dir="auto" />
    </>
  )
}
