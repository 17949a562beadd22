// The files that are generated from the contracts: gRPC code, resolver types, the supergraph, OpenAPI documents.
import { execFileSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { generate } from '@graphql-codegen/cli'
import { composeSupergraph, toApiSchema } from '@halles/gateway/compose'
import { toDocumentId } from '@halles/gateway/persisted-operations'
import { formatDocument, stringifyDocument } from '@urql/core'
import type { DocumentNode } from 'graphql'
import { createCodegenConfig } from './codegen.ts'
import { describeService, services } from './openapi.ts'
import { root } from './workspace.ts'

/**
 * Generates every generated file that the repository keeps, in memory.
 * @returns the text of each file by its path from the root
 */
export async function generated(): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  for (const [name, text] of grpcCode()) files.set(name, text)
  const supergraph = composeSupergraph((service) =>
    readFileSync(path.join(root, `apps/${service}-service/schema.graphql`), 'utf8'),
  )
  const codegen = createCodegenConfig(toApiSchema(supergraph))
  for (const { filename, content } of (await generate({ ...codegen, cwd: root }, false)) as {
    filename: string
    content: string
  }[])
    files.set(path.relative(root, path.resolve(root, filename)), content)
  files.set('apps/gateway/supergraph.graphql', supergraph)
  files.set('apps/gateway/operations/storefront.json', storefrontOperations(files))
  for (const service of services)
    files.set(`apps/${service}/openapi.json`, `${JSON.stringify(await describeService(service), null, 2)}\n`)
  return files
}

/**
 * Lists the storefront's operations for the gateway: their texts, exactly as the storefront's client sends them, by document id.
 *
 * @param files the generated files by path
 */
function storefrontOperations(files: ReadonlyMap<string, string>): string {
  const texts = [...files]
    .filter(([name]) => name.startsWith('apps/storefront/app/'))
    .flatMap(([, content]) => [
      ...content.matchAll(/^export const \w+Document = (\{.*\}) as unknown as DocumentNode/gm),
    ])
    .map(([, document]) => JSON.parse(document!) as DocumentNode)
    // The browser asks for each object's type as well, by which it keeps its cache; the server does not.
    .flatMap((document) => [stringifyDocument(formatDocument(document)), stringifyDocument(document)])
  const entries = texts.map((text) => [toDocumentId(text), text] as const).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`
}

/** Yields the path and the text of each file that buf and ts-proto generate from proto/. */
function* grpcCode(): Generator<[string, string]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'halles-proto-'))
  try {
    execFileSync(path.join(root, 'node_modules/.bin/buf'), ['generate', '-o', folder], { cwd: root, stdio: 'inherit' })
    for (const file of globSync('**/*.ts', { cwd: folder })) yield [file, readFileSync(path.join(folder, file), 'utf8')]
  } finally {
    rmSync(folder, { recursive: true })
  }
}
