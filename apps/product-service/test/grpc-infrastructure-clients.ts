import {
  Client,
  credentials,
  loadPackageDefinition,
  status,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { service } from 'grpc-health-check'
import { fileURLToPath } from 'node:url'
import path from 'node:path'

const { Check, Watch } = service as Record<'Check' | 'Watch', any>

type HealthResponse = { status: string }

/** Creates a client of the standard health service. Statuses are names; an error gives the name of its gRPC status. */
export function createHealthClient(port: number) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  return {
    check: (name: string): Promise<string> =>
      new Promise((resolve) => {
        client.makeUnaryRequest<object, HealthResponse>(
          Check.path,
          Check.requestSerialize,
          Check.responseDeserialize,
          { service: name },
          (error, response) => resolve(error ? status[error.code]! : response!.status),
        )
      }),
    /** Watches a service, and returns an array to which each status is added. */
    watch: (name: string): string[] => {
      const statuses: string[] = []
      client
        .makeServerStreamRequest<object, HealthResponse>(
          Watch.path,
          Watch.requestSerialize,
          Watch.responseDeserialize,
          {
            service: name,
          },
        )
        .on('data', (response: HealthResponse) => statuses.push(response.status))
        .on('error', (error: ServiceError) => statuses.push(status[error.code]!))
      return statuses
    },
    close: (): void => client.close(),
  }
}

/** Asks the standard reflection service for all services, and for the descriptor of the file that declares `symbol`. */
export async function readReflection(port: number, symbol: string): Promise<{ services: string[]; file: string }> {
  const folder = path.dirname(fileURLToPath(import.meta.resolve('@grpc/reflection')))
  const proto = loadSync(path.join(folder, '../proto/grpc/reflection/v1/reflection.proto'))
  const { grpc } = loadPackageDefinition(proto) as any
  const client = new grpc.reflection.v1.ServerReflection(`127.0.0.1:${port}`, credentials.createInsecure())
  const stream: ClientDuplexStream<object, any> = client.ServerReflectionInfo()
  const responses: any[] = []
  await new Promise<void>((resolve, reject) => {
    stream
      .on('data', (response) => responses.push(response))
      .on('end', resolve)
      .on('error', reject)
    stream.write({ listServices: '*' })
    stream.write({ fileContainingSymbol: symbol })
    stream.end()
  })
  client.close()
  const [serviceList, fileDescriptors] = responses
  return {
    services: serviceList.listServicesResponse.service.map(({ name }: { name: string }) => name),
    file: Buffer.concat(fileDescriptors.fileDescriptorResponse.fileDescriptorProto).toString('latin1'),
  }
}
