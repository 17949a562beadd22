import { readExamples } from './examples.ts'

/** A call by its name in the proto, and its request as protobuf's JSON. */
type Call = { call: 'CheckStock' | 'ReserveStock' | 'ReserveStocks' | 'ReleaseStock'; request: object }

/**
 * One call of product-service's gRPC API, as a contract test of provider and consumer. The provider's tests set up `given`, make
 * the call and compare the response; the consumer's tests use a server that answers the request with `response`.
 *
 * `request` and `response` are protobuf's JSON: read them with the messages' `fromJSON`.
 */
export type Example = Call & {
  name: string
  about: string
  given: {
    /** The stored products; `price` is in euros. */
    products: {
      id: string
      name: string
      price: number
      category: string
      stock: number
      image: string | null
      archived: boolean
    }[]
    /** The preceding calls, in order. */
    calls: Call[]
  }
  /** Absent where the call fails with `status`, the name of a gRPC status. */
  response?: object
  status?: 'INVALID_ARGUMENT'
  /** The remaining stock by product id. */
  then: { stock: Record<string, number> }
}

/** Reads all examples in examples/product-grpc. */
export const productGrpcExamples = (): Example[] =>
  readExamples('product-grpc').map(([file, text]) => ({
    name: file.slice(0, -'.json'.length),
    ...(JSON.parse(text) as Omit<Example, 'name'>),
  }))
