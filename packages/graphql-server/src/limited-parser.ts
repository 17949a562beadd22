import type { DefinitionNode, DocumentNode, FieldNode, OperationDefinitionNode, Token } from 'graphql'
import { Parser } from 'graphql/language/parser.js'
import { tooComplexError, type OperationLimits } from './operation-limits.ts'

/**
 * Parses a document. Parsing stops at a limit of tokens or comments, and once a definition has more than twice the allowed root
 * fields, fields or aliases, without its fragments: an excessive document costs little time and memory. `checkLimits` then
 * measures the document exactly.
 *
 * The document has a `tokenCount`, as with `parse` of graphql-js.
 *
 * @throws GraphQLError for a syntax error or too many tokens, AppError `QUERY_TOO_COMPLEX`
 */
export function parseWithinLimits(text: string, limits: Omit<OperationLimits, 'cost'>): DocumentNode {
  const parser = new LimitedParser(text, limits)
  try {
    const document = parser.parseDocument()
    return Object.defineProperty(document, 'tokenCount', { value: parser.tokenCount, enumerable: false })
  } finally {
    parser.unlinkTokens()
  }
}

const countedLimits = { rootFields: 'root fields', fields: 'fields', aliases: 'aliases' } as const

class LimitedParser extends Parser {
  readonly #limits: Omit<OperationLimits, 'cost'>
  #counts = { rootFields: 0, fields: 0, aliases: 0 }
  #depth = 0
  #inOperation = false

  constructor(text: string, limits: Omit<OperationLimits, 'cost'>) {
    super(text, { maxTokens: limits.tokens, maxComments: limits.tokens })
    this.#limits = limits
  }

  override parseDefinition(): DefinitionNode {
    this.#counts = { rootFields: 0, fields: 0, aliases: 0 }
    return super.parseDefinition()
  }

  override parseOperationDefinition(): OperationDefinitionNode {
    this.#inOperation = true
    const operation = super.parseOperationDefinition()
    this.#inOperation = false
    return operation
  }

  override parseField(): FieldNode {
    if (this.#depth === 0 && this.#inOperation) this.#count('rootFields')
    this.#count('fields')
    this.#depth++
    const field = super.parseField()
    this.#depth--
    if (field.alias) this.#count('aliases')
    return field
  }

  #count(limit: keyof typeof countedLimits): void {
    if (++this.#counts[limit] > 2 * this.#limits[limit])
      throw tooComplexError(countedLimits[limit], this.#limits[limit])
  }

  /**
   * Removes the links between the tokens, which only the parser needs. In V8 a long list whose first part has reached the old
   * generation keeps the rest of it alive until the next full collection: discarded documents would fill hundreds of megabytes.
   */
  unlinkTokens(): void {
    for (let token: Token | null = this._lexer.token; token;) {
      const prev: Token | null = token.prev
      Object.assign(token, { prev: null, next: null })
      token = prev
    }
  }
}
