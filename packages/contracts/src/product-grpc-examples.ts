import { readdirSync, readFileSync } from 'node:fs'

/** A call by its name in the proto, and what it is sent, as protobuf's JSON. */
type Call = { call: 'CheckStock' | 'ReserveStock' | 'ReserveStocks' | 'ReleaseStock'; request: object }

/**
 * One call of product-service's gRPC, as both sides promise it. The provider's tests arrange `given`, make the call and
 * compare; the consumer's tests answer its requests with `response`.
 *
 * `request` and `response` are protobuf's JSON: read them with the messages' `fromJSON`.
 */
export type Example = Call & {
  name: string
  about: string
  given: {
    /** What is on the shelf; `price` in euros. */
    products: {
      id: string
      name: string
      price: number
      category: string
      stock: number
      image: string | null
      archived: boolean
    }[]
    /** What was called before, in order. */
    calls: Call[]
  }
  /** Absent where `status`, the name of a gRPC status, is the answer. */
  response?: object
  status?: 'INVALID_ARGUMENT'
  /** What is left afterwards, by product id. */
  then: { stock: Record<string, number> }
}

/** All the kept examples: files of examples/product-grpc. */
export function productGrpcExamples(): Example[] {
  const folder = new URL('../examples/product-grpc/', import.meta.url)
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => ({
      name: file.slice(0, -'.json'.length),
      ...(JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Omit<Example, 'name'>),
    }))
}
