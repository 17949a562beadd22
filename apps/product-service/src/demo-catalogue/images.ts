import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { App } from '@halles/fastify-service/app'
import { AppError } from '@halles/errors/app-error'
import { Type } from 'typebox'

/** The folder of the demo catalogue's images: the same path from src/ and from dist/. */
export const imageFolder = new URL('../../images/', import.meta.url)

/** Registers GET /images/:file, which serves the SVG files of the image folder from memory. */
export function registerImageRoute(app: App): void {
  const images = new Map(
    readdirSync(imageFolder).map((file) => {
      const svg = readFileSync(new URL(file, imageFolder), 'utf8')
      const etag = `"${createHash('sha256').update(svg).digest('base64url').slice(0, 16)}"`
      return [file, { svg, etag }]
    }),
  )
  app.get(
    '/images/:file',
    {
      schema: {
        summary: 'Get an image of the demo catalogue, as SVG',
        tags: ['images'],
        params: Type.Object({ file: Type.String() }),
      },
    },
    async (request, reply) => {
      const image = images.get(request.params.file)
      if (!image) throw new AppError('NOT_FOUND', 'There is no such image.')
      reply.header('etag', image.etag).header('cache-control', 'public, max-age=86400')
      if (request.headers['if-none-match']?.includes(image.etag)) return reply.code(304).send()
      return reply
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
        .header('x-content-type-options', 'nosniff')
        .type('image/svg+xml; charset=utf-8')
        .send(image.svg)
    },
  )
}
