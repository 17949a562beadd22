// What is generated from the contracts, and by what: gRPC code, resolver types, the supergraph, OpenAPI documents.
import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { generate } from '@graphql-codegen/cli'
import codegen from '../codegen.ts'
import { composeSupergraph } from '../apps/gateway/src/compose.ts'
import { describeService, type Service } from './openapi.ts'

export const root = path.resolve(import.meta.dirname, '..')
export const services: Service[] = ['auth-service', 'product-service', 'order-service', 'notification-service']

/** Every generated file that the repository keeps: its path from the root, and what it should hold. */
export async function generated(): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for (const [name, text] of grpcCode()) files.set(name, text)
  for (const { filename, content } of (await generate({ ...codegen, cwd: root }, false)) as {
    filename: string
    content: string
  }[])
    files.set(path.relative(root, path.resolve(root, filename)), content)
  files.set(
    'apps/gateway/supergraph.graphql',
    composeSupergraph((service) => readFileSync(path.join(root, `apps/${service}-service/schema.graphql`), 'utf8')),
  )
  for (const service of services)
    files.set(`apps/${service}/openapi.json`, `${JSON.stringify(await describeService(service), null, 2)}\n`)
  return files
}

/** The code that buf and ts-proto make of proto/, by path. */
function* grpcCode(): Generator<[string, string]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'halles-proto-'))
  try {
    execFileSync(path.join(root, 'node_modules/.bin/buf'), ['generate', '-o', folder], { cwd: root, stdio: 'inherit' })
    for (const file of globSync('**/*.ts', { cwd: folder })) yield [file, readFileSync(path.join(folder, file), 'utf8')]
  } finally {
    rmSync(folder, { recursive: true })
  }
}
