import type { App } from '@halles/service/app'
import { pageView, PageView } from '@halles/service/page'
import { admin } from '@halles/service/person'
import { Problem } from '@halles/service/schema'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { adjustStock } from './adjust-stock.ts'
import { archiveProduct } from './archive-product.ts'
import { createProduct } from './create-product.ts'
import { listProducts } from './list-products.ts'
import { pictureRoutes } from './pictures.ts'
import {
  AdjustStock,
  CreateProduct,
  etagOf,
  isKnown,
  ListProducts,
  productView,
  ProductView,
  ReplaceProduct,
  versionsIn,
  type Product,
} from './product.ts'
import { readProduct } from './read-products.ts'
import { replaceProduct } from './replace-product.ts'
import type { Shop } from './shop.ts'

/** Any text: what is no id of ours is NOT_FOUND, not a mistake in form. */
const params = Type.Object({ id: Type.String() })

const tags = ['products']
const signedIn = { tags, security: [{ bearer: [] }] }
/** Who asks matters before what: a stranger does not hear what is wrong with the body. */
const preValidation = async ({ person }: FastifyRequest): Promise<void> => void admin(person)

const problem = { '4xx': Problem, '5xx': Problem }

/** A cache may keep a product, but asks before it shows it: stock changes with every sale. */
const versioned = (reply: FastifyReply, product: Product): FastifyReply =>
  reply.header('etag', etagOf(product)).header('cache-control', 'no-cache')

/** Answers one product with its ETag. */
const sendProduct = (reply: FastifyReply, product: Product) => versioned(reply, product).send(productView(product))

/** The REST face: in, call, out. */
export function rest(app: App, shop: Shop): void {
  app.get(
    '/products',
    {
      schema: {
        summary: 'What is on sale, by pages',
        tags,
        querystring: ListProducts,
        response: { 200: PageView(ProductView, 'ProductPage'), ...problem },
      },
    },
    async (request) => pageView(await listProducts(shop, request.query), productView),
  )

  app.post(
    '/products',
    {
      preValidation,
      schema: {
        summary: 'Put a product on sale',
        ...signedIn,
        body: CreateProduct,
        response: { 201: ProductView, ...problem },
      },
    },
    async (request, reply) => {
      const product = await createProduct(shop, request.person, request.body)
      return sendProduct(reply.code(201).header('location', `/products/${product._id}`), product)
    },
  )

  app.get(
    '/products/:id',
    {
      schema: {
        summary: 'One product; 304 when If-None-Match names what it still is',
        tags,
        params,
        response: { 200: ProductView, 304: Type.Null(), ...problem },
      },
    },
    async (request, reply) => {
      const product = await readProduct(shop, request.params.id)
      if (!isKnown(request.headers['if-none-match'], product)) return sendProduct(reply, product)
      return versioned(reply.code(304), product).send(null)
    },
  )

  app.put(
    '/products/:id',
    {
      preValidation,
      schema: {
        summary: 'Replace a product: what is left out becomes null, except stock, which stays',
        description: 'If-Match with an ETag, or expectedRevision, makes it STALE when the product has changed since.',
        ...signedIn,
        params,
        body: ReplaceProduct,
        response: { 200: ProductView, ...problem },
      },
    },
    async (request, reply) => {
      const versions = versionsIn(request.headers['if-match'])
      const { id } = request.params
      return sendProduct(reply, await replaceProduct(shop, request.person, { id, product: request.body, versions }))
    },
  )

  app.delete(
    '/products/:id',
    {
      preValidation,
      schema: {
        summary: 'Take a product off sale',
        ...signedIn,
        params,
        response: { 204: Type.Null(), ...problem },
      },
    },
    async (request, reply) => {
      const versions = versionsIn(request.headers['if-match'])
      await archiveProduct(shop, request.person, { id: request.params.id, versions })
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/products/:id/stock',
    {
      preValidation,
      schema: {
        summary: 'Add to the stock, or take from it, for a reason that is kept',
        ...signedIn,
        params,
        body: AdjustStock,
        response: { 200: ProductView, ...problem },
      },
    },
    async (request, reply) =>
      sendProduct(reply, await adjustStock(shop, request.person, { id: request.params.id, ...request.body })),
  )

  pictureRoutes(app)
}
