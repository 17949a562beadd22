import { ImageUp } from 'lucide-react'
import { useId, useState } from 'react'
import { useRevalidator } from 'react-router'
import { mutate } from '../../api/api.ts'
import { ApiError, describeError } from '../../api/errors.ts'
import { ProductPicture } from '../../catalogue/product-picture.tsx'
import { useI18n } from '../../i18n/i18n.tsx'
import { ConfirmButton } from '../../ui/confirm-button.tsx'
import { Notice } from '../../ui/notice.tsx'
import { card } from '../list.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import type { EditedProductFragment } from './gen/edited-product.ts'
import { UpdateProductDocument } from './gen/update-product.ts'
import { toInput, toTexts } from './product-fields.tsx'
import { shrinkPicture, uploadPicture } from './upload-picture.ts'

type State =
  | { status: 'idle' }
  /** `sent` is how much of the file has been sent, 0 to 1; the preview is a data URL. */
  | { status: 'sending'; preview: string; sent: number }
  | { status: 'done'; text: string }
  | { status: 'failed'; error: unknown }

/** The picture of a product: a preview while it is sent, and how far that is. */
export function PictureCard({ product }: { product: EditedProductFragment }) {
  const { messages, language } = useI18n()
  const { products } = useStaffMessages()
  const { revalidate } = useRevalidator()
  const [state, setState] = useState<State>({ status: 'idle' })
  const id = useId()
  const texts = products.picture
  const isSending = state.status === 'sending'

  const run = async (work: () => Promise<unknown>, done: string): Promise<void> => {
    try {
      await work()
      setState({ status: 'done', text: done })
    } catch (error) {
      setState({ status: 'failed', error })
    }
    await revalidate()
  }

  const upload = (file: File): Promise<void> =>
    run(async () => {
      const preview = await readAsDataUrl(file)
      setState({ status: 'sending', preview, sent: 0 })
      const picture = await shrinkPicture(file)
      await uploadPicture({
        productId: product.id,
        expectedRevision: product.revision,
        picture,
        onProgress: (sent) => setState({ status: 'sending', preview, sent }),
      })
    }, texts.done)

  const remove = (): Promise<void> =>
    run(
      () =>
        mutate(UpdateProductDocument, {
          id: product.id,
          input: toInput(toTexts(product, language)),
          expectedRevision: product.revision,
        }),
      texts.removed,
    )

  return (
    <section aria-labelledby={`${id}-title`} className={`${card} flex flex-col gap-4 p-5`}>
      <h2 id={`${id}-title`} className="text-xl font-bold">
        {texts.title}
      </h2>
      <ProductPicture
        image={state.status === 'sending' ? state.preview : product.image}
        sizes="20rem"
        eager
        className={`mx-auto aspect-square w-full max-w-80 rounded-2xl ${isSending ? 'opacity-60' : ''}`}
      />
      {isSending && (
        <div role="status">
          <label htmlFor={`${id}-progress`} className="text-sm font-medium">
            {state.sent < 1 ? texts.sending : texts.processing}
          </label>
          <progress
            id={`${id}-progress`}
            {...(state.sent < 1 && { value: state.sent })}
            max={1}
            className="mt-1 block h-2 w-full accent-brand"
          />
        </div>
      )}
      {state.status === 'done' && <Notice tone="ok" title={state.text} />}
      {state.status === 'failed' && (
        <Notice tone="danger" title={describeFailure(state.error, texts) ?? describeError(state.error, messages)} />
      )}
      <div className="flex flex-col gap-1">
        <label
          htmlFor={`${id}-file`}
          className="inline-flex min-h-11 cursor-pointer items-center justify-center gap-2 rounded-full border border-control bg-surface px-5 py-2 font-semibold hover:bg-sunken has-[:focus-visible]:outline-3 has-[:focus-visible]:outline-offset-2 has-[:focus-visible]:outline-accent has-[:disabled]:text-muted"
        >
          <ImageUp className="size-5" aria-hidden="true" />
          {product.image === null ? texts.choose : texts.replace}
          <input
            id={`${id}-file`}
            type="file"
            accept="image/jpeg,image/png,image/webp"
            aria-describedby={`${id}-hint`}
            disabled={isSending}
            className="sr-only"
            onChange={({ target }) => {
              const file = target.files?.[0]
              // The same file can be chosen again after an error.
              target.value = ''
              if (file) void upload(file)
            }}
          />
        </label>
        <p id={`${id}-hint`} className="text-sm text-muted">
          {texts.hint}
        </p>
      </div>
      {product.image !== null && (
        <ConfirmButton
          label={texts.remove}
          title={texts.removeTitle}
          text={texts.removeText}
          keep={texts.keep}
          disabled={isSending}
          onConfirm={() => void remove()}
        />
      )}
    </section>
  )
}

/** The failures for which the page has words of its own. */
function describeFailure(error: unknown, texts: { stale: string; refused: string }): string | undefined {
  const code = error instanceof ApiError ? error.code : undefined
  return code === 'STALE' ? texts.stale : code === 'VALIDATION_FAILED' ? texts.refused : undefined
}

/** Reads a file as a data URL: pages may show no other URL of a file (Content-Security-Policy). */
const readAsDataUrl = (file: File): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.addEventListener('load', () => resolve(reader.result as string))
    reader.addEventListener('error', () => reject(reader.error ?? new Error('The file cannot be read.')))
    reader.readAsDataURL(file)
  })
