// The gRPC API of product-service, generated from proto/halles/product/v1/product.proto.
export * from './gen/halles/product/v1/product.ts'
export { fileDescriptor as productFileDescriptor } from './gen/halles/product/v1/product.descriptor.ts'
