import type { App } from '@halles/fastify-service/app'
import { requireAdmin } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { ClosedObject, ProblemDetails } from '@halles/validation/schema'
import { Type } from 'typebox'
import { matchesTag, parseIfMatch, productView, ProductView, toEtag } from '../products/product.ts'
import type { ProductStore } from '../products/products.ts'
import { MAX_PICTURE_BYTES, parsePictureFile, pictureTypes, type PictureFiles } from './picture.ts'
import type { PictureStore } from './pictures.ts'
import { setPicture } from './set-picture.ts'

export type PictureDeps = {
  products: ProductStore
  pictures: PictureStore
  encodePicture: (picture: Buffer) => Promise<PictureFiles>
  now: () => Date
}

const problem = { '4xx': ProblemDetails, '5xx': ProblemDetails }

/** Registers the routes by which pictures are uploaded and served. */
export function registerPictureRoutes(app: App, deps: PictureDeps): void {
  app.get(
    '/pictures/:file',
    {
      schema: {
        summary: 'Get the picture of a product, as WebP. What is at such a URL never changes.',
        tags: ['pictures'],
        params: Type.Object({ file: Type.String() }),
      },
    },
    async (request, reply) => {
      const file = parsePictureFile(request.params.file)
      const etag = `"${request.params.file.slice(0, -'.webp'.length)}"`
      if (file && matchesTag(request.headers['if-none-match'], etag))
        return reply.code(304).header('etag', etag).header('cache-control', FOREVER).send()
      const picture = file && (await deps.pictures.findFile(file.id, file.size))
      if (!picture) throw new AppError('NOT_FOUND', 'There is no such picture.')
      return reply
        .header('etag', etag)
        .header('cache-control', FOREVER)
        .header('content-security-policy', "default-src 'none'")
        .header('x-content-type-options', 'nosniff')
        .type('image/webp')
        .send(picture)
    },
  )

  // The route has content types and a body limit of its own.
  void app.register(async (uploads: App) => {
    uploads.removeAllContentTypeParsers()
    uploads.addContentTypeParser(
      [...pictureTypes],
      { parseAs: 'buffer', bodyLimit: MAX_PICTURE_BYTES },
      (_request, body, done) => done(null, body),
    )
    uploads.put(
      '/products/:id/picture',
      {
        bodyLimit: MAX_PICTURE_BYTES,
        // Before the body is read: only an admin may have so much of it in memory.
        onRequest: async ({ principal }) => void requireAdmin(principal),
        schema: {
          summary: 'Upload the picture of a product, which becomes its image',
          description: `The body is a JPEG, PNG or WebP file of at most ${MAX_PICTURE_BYTES} bytes, with its content type.`,
          tags: ['pictures'],
          security: [{ bearer: [] }],
          params: Type.Object({ id: Type.String() }),
          querystring: ClosedObject({
            expectedRevision: Type.Optional(
              Type.Integer({ description: 'Precondition: STALE when the product has another revision' }),
            ),
          }),
          response: { 200: ProductView, ...problem },
        },
      },
      async (request, reply) => {
        if (!Buffer.isBuffer(request.body))
          throw new AppError('UNSUPPORTED_MEDIA_TYPE', `Send the picture as one of ${pictureTypes.join(', ')}.`)
        const precondition = {
          revision: request.query.expectedRevision,
          versions: parseIfMatch(request.headers['if-match']),
        }
        const { id } = request.params
        const product = await setPicture(deps, request.principal, { id, picture: request.body, precondition })
        return reply.header('etag', toEtag(product)).header('cache-control', 'no-cache').send(productView(product))
      },
    )
  })
}

const FOREVER = 'public, max-age=31536000, immutable'
