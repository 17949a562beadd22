import { ApiError, toProblem } from '../../api/errors.ts'
import { session } from '../../session/session.ts'

/** A smaller file is sent as it is, in bytes. */
const SMALL = 1_000_000
/** The most pixels of width and height that are sent: twice what the shop shows. */
const MAX_SIDE = 2560

/**
 * Makes a large photo smaller before it is sent, as those of phones have more bytes than the API takes. A file that the browser cannot
 * read stays as it is: the API says what is wrong with it.
 */
export async function shrinkPicture(file: File): Promise<Blob> {
  if (file.size <= SMALL) return file
  try {
    const bitmap = await createImageBitmap(file)
    const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height))
    const canvas = document.createElement('canvas')
    canvas.width = Math.round(bitmap.width * scale)
    canvas.height = Math.round(bitmap.height * scale)
    canvas.getContext('2d')!.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
    bitmap.close()
    // A PNG may be transparent, which a JPEG cannot be.
    const type = file.type === 'image/jpeg' ? 'image/jpeg' : 'image/webp'
    const smaller = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, type, 0.9))
    return smaller !== null && smaller.size < file.size ? smaller : file
  } catch {
    return file
  }
}

type Upload = {
  productId: string
  expectedRevision: number
  picture: Blob
  /** Told how much has been sent, 0 to 1. */
  onProgress: (sent: number) => void
}

/**
 * Uploads the picture of a product. A token that a service rejects is renewed once.
 *
 * @throws ApiError `STALE`, `VALIDATION_FAILED`, `PAYLOAD_TOO_LARGE`, …
 */
export async function uploadPicture(upload: Upload): Promise<void> {
  const token = await session.accessToken()
  const answer = await send(upload, token)
  if (answer.status !== 401 || token === undefined) return requireSuccess(answer)
  requireSuccess(await send(upload, await session.replaceToken(token)))
}

type Answer = { status: number; text: string; retryAfter: string | null }

/** Sends the picture by XMLHttpRequest, since `fetch` does not tell how much has been sent. */
function send(
  { productId, expectedRevision, picture, onProgress }: Upload,
  token: string | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const id = encodeURIComponent(productId)
    request.open('PUT', `/api/products/${id}/picture?expectedRevision=${expectedRevision}`)
    request.setRequestHeader('content-type', picture.type)
    if (token !== undefined) request.setRequestHeader('authorization', `Bearer ${token}`)
    request.upload.addEventListener('progress', ({ loaded, total }) => onProgress(total === 0 ? 0 : loaded / total))
    request.addEventListener('load', () =>
      resolve({
        status: request.status,
        text: request.responseText,
        retryAfter: request.getResponseHeader('retry-after'),
      }),
    )
    request.addEventListener('error', () => reject(new ApiError('NETWORK', 'The picture could not be sent.')))
    request.send(picture)
  })
}

function requireSuccess({ status, text, retryAfter }: Answer): void {
  if (status >= 300) throw toProblem(status, text, retryAfter)
}
