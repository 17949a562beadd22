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

type Health = { status: string }

/** The standard health service at a port: statuses by their names, or the gRPC status that it was refused with. */
export function healthOf(port: number) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  return {
    check: (name: string): Promise<string> =>
      new Promise((resolve) => {
        client.makeUnaryRequest<object, Health>(
          Check.path,
          Check.requestSerialize,
          Check.responseDeserialize,
          { service: name },
          (error, answer) => resolve(error ? status[error.code]! : answer!.status),
        )
      }),
    /** What is heard of a service, growing. */
    watch: (name: string): string[] => {
      const seen: string[] = []
      client
        .makeServerStreamRequest<object, Health>(Watch.path, Watch.requestSerialize, Watch.responseDeserialize, {
          service: name,
        })
        .on('data', (heard: Health) => seen.push(heard.status))
        .on('error', (error: ServiceError) => seen.push(status[error.code]!))
      return seen
    },
    close: (): void => client.close(),
  }
}

/** What the standard reflection service says: all services, and the descriptor of the file that has a symbol. */
export async function reflected(port: number, symbol: string): Promise<{ services: string[]; file: string }> {
  const folder = path.dirname(fileURLToPath(import.meta.resolve('@grpc/reflection')))
  const proto = loadSync(path.join(folder, '../proto/grpc/reflection/v1/reflection.proto'))
  const { grpc } = loadPackageDefinition(proto) as any
  const client = new grpc.reflection.v1.ServerReflection(`127.0.0.1:${port}`, credentials.createInsecure())
  const stream: ClientDuplexStream<object, any> = client.ServerReflectionInfo()
  const answers: any[] = []
  await new Promise<void>((resolve, reject) => {
    stream
      .on('data', (answer) => answers.push(answer))
      .on('end', resolve)
      .on('error', reject)
    stream.write({ listServices: '*' })
    stream.write({ fileContainingSymbol: symbol })
    stream.end()
  })
  client.close()
  const [listed, described] = answers
  return {
    services: listed.listServicesResponse.service.map(({ name }: { name: string }) => name),
    file: Buffer.concat(described.fileDescriptorResponse.fileDescriptorProto).toString('latin1'),
  }
}
