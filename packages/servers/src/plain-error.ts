const plain = Symbol.for('halles.plain-error')

/** An error whose message is one sentence for a person, saying what to do; print it without a stack. */
export function plainError(message: string, options?: ErrorOptions): Error {
  return Object.assign(new Error(message, options), { [plain]: true })
}

/** Whether the message of `error` was written for a person. */
export function isPlainError(error: unknown): error is Error {
  return error instanceof Error && plain in error
}
