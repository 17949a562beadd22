// The gRPC request of each method, valid for a caller who is authorized.
import { randomUUID } from 'node:crypto'
import {
  CheckStockRequest,
  ReleaseStockRequest,
  ReserveStockRequest,
  ReserveStocksRequest,
} from '@halles/contracts/product-grpc'
import type { RequestContext } from './request-context.ts'

/** An encoded message. `stream`: whether the method streams. */
type GrpcRequest = { message: Uint8Array; stream?: boolean }

const orderOfOne = (productId: string) => ({ orderId: `security-${randomUUID()}`, items: [{ productId, quantity: 1 }] })

export const grpcRequests: Record<string, (context: RequestContext) => GrpcRequest> = {
  'halles.product.v1.ProductService/CheckStock': ({ fixtures }) => ({
    message: CheckStockRequest.encode({ items: [{ productId: fixtures.product, quantity: 1 }] }).finish(),
  }),
  'halles.product.v1.ProductService/ReserveStock': ({ fixtures }) => ({
    message: ReserveStockRequest.encode(orderOfOne(fixtures.product)).finish(),
  }),
  'halles.product.v1.ProductService/ReserveStocks': ({ fixtures }) => ({
    message: ReserveStocksRequest.encode({ orders: [orderOfOne(fixtures.product)] }).finish(),
  }),
  'halles.product.v1.ProductService/ReleaseStock': () => ({
    message: ReleaseStockRequest.encode({ orderId: `security-${randomUUID()}` }).finish(),
  }),
  'grpc.health.v1.Health/Check': () => ({ message: new Uint8Array() }),
  'grpc.health.v1.Health/List': () => ({ message: new Uint8Array() }),
  'grpc.health.v1.Health/Watch': () => ({ message: new Uint8Array(), stream: true }),
  // list_services: field 7, an empty string
  'grpc.reflection.v1.ServerReflection/ServerReflectionInfo': () => ({
    message: Uint8Array.of(0x3a, 0x00),
    stream: true,
  }),
}
