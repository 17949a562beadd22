import type { App } from '@halles/fastify-service/app'
import { PageView, toPageView } from '@halles/validation/page'
import { requireAdmin } from '@halles/auth/principal'
import { ClosedObject, PageQuery, ProblemDetails } from '@halles/validation/schema'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { registerImageRoute } from './demo-catalogue/images.ts'
import {
  AdjustStock,
  CreateProduct,
  ListProducts,
  matchesTag,
  parseIfMatch,
  productView,
  ProductView,
  ReadProduct,
  ReplaceProduct,
  toEtag,
  type Product,
} from './products/product.ts'
import { registerPictureRoutes, type PictureDeps } from './pictures/rest.ts'
import { listProducts, showProduct } from './products/read-products.ts'
import { archiveProduct, createProduct, replaceProduct, restoreProduct } from './products/write-products.ts'
import { adjustStock } from './stock/adjust-stock.ts'
import { readStockMovements } from './stock/read-stock-movements.ts'
import type { StockLedger } from './stock/stock-ledger.ts'
import { stockMovementView, StockMovementView } from './stock/stock-movement.ts'

/** Any text: an unknown id is NOT_FOUND, not a validation error. */
const params = Type.Object({ id: Type.String() })

const tags = ['products']
const authenticated = { tags, security: [{ bearer: [] }] }
/** Authorization comes before validation: only an admin learns what is wrong with the body. */
const preValidation = async ({ principal }: FastifyRequest): Promise<void> => void requireAdmin(principal)

const problem = { '4xx': ProblemDetails, '5xx': ProblemDetails }

/** `no-cache`: a cache must revalidate a stored product, because stock changes with every sale. */
const setValidators = (reply: FastifyReply, product: Product): FastifyReply =>
  reply.header('etag', toEtag(product)).header('cache-control', 'no-cache')

const sendProduct = (reply: FastifyReply, product: Product) => setValidators(reply, product).send(productView(product))

type Deps = PictureDeps & { stockLedger: StockLedger; newId: () => string }

/** Registers the REST routes of product-service. */
export function registerRestRoutes(app: App, deps: Deps): void {
  app.get(
    '/products',
    {
      schema: {
        summary: 'List the products on sale, or for admins the archived ones',
        tags,
        querystring: ListProducts,
        response: { 200: PageView(ProductView, 'ProductPage'), ...problem },
      },
    },
    async (request) => toPageView(await listProducts(deps, request.principal, request.query), productView),
  )

  app.post(
    '/products',
    {
      preValidation,
      schema: {
        summary: 'Create a product',
        ...authenticated,
        body: CreateProduct,
        response: { 201: ProductView, ...problem },
      },
    },
    async (request, reply) => {
      const product = await createProduct(deps, request.principal, request.body)
      return sendProduct(reply.code(201).header('location', `/products/${product._id}`), product)
    },
  )

  app.get(
    '/products/:id',
    {
      schema: {
        summary: 'Get a product; 304 when If-None-Match names its current ETag',
        tags,
        params,
        querystring: ReadProduct,
        response: { 200: ProductView, 304: Type.Null(), ...problem },
      },
    },
    async (request, reply) => {
      const product = await showProduct(deps, request.principal, { ...request.params, ...request.query })
      if (!matchesTag(request.headers['if-none-match'], toEtag(product))) return sendProduct(reply, product)
      return setValidators(reply.code(304), product).send(null)
    },
  )

  app.put(
    '/products/:id',
    {
      preValidation,
      schema: {
        summary: 'Replace a product: omitted fields become null, except stock, which stays',
        description:
          'With If-Match or expectedRevision the answer is STALE when the product has changed since it was read.',
        ...authenticated,
        params,
        body: ReplaceProduct,
        response: { 200: ProductView, ...problem },
      },
    },
    async (request, reply) => {
      const versions = parseIfMatch(request.headers['if-match'])
      const { id } = request.params
      return sendProduct(reply, await replaceProduct(deps, request.principal, { id, product: request.body, versions }))
    },
  )

  app.delete(
    '/products/:id',
    {
      preValidation,
      schema: {
        summary: 'Archive a product: it is no longer on sale',
        ...authenticated,
        params,
        response: { 204: Type.Null(), ...problem },
      },
    },
    async (request, reply) => {
      const versions = parseIfMatch(request.headers['if-match'])
      await archiveProduct(deps, request.principal, { id: request.params.id, versions })
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/products/:id/restore',
    {
      preValidation,
      schema: {
        summary: 'Put an archived product on sale again',
        ...authenticated,
        params,
        response: { 200: ProductView, ...problem },
      },
    },
    async (request, reply) => sendProduct(reply, await restoreProduct(deps, request.principal, request.params.id)),
  )

  app.post(
    '/products/:id/stock',
    {
      preValidation,
      schema: {
        summary: 'Adjust the stock by a delta; the reason is stored',
        ...authenticated,
        params,
        body: AdjustStock,
        response: { 200: ProductView, ...problem },
      },
    },
    async (request, reply) =>
      sendProduct(reply, await adjustStock(deps, request.principal, { id: request.params.id, ...request.body })),
  )

  app.get(
    '/products/:id/stock/movements',
    {
      preValidation,
      schema: {
        summary: 'List the changes of the stock, newest first: adjustments, and what orders took and gave back',
        ...authenticated,
        params,
        querystring: ClosedObject(PageQuery),
        response: { 200: PageView(StockMovementView, 'StockMovementPage'), ...problem },
      },
    },
    async (request) =>
      toPageView(
        await readStockMovements(deps, request.principal, request.params.id, request.query),
        stockMovementView,
      ),
  )

  registerPictureRoutes(app, deps)
  registerImageRoute(app)
}
