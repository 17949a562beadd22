const plain = Symbol.for('halles.plain-error')

/** An error whose message is a sentence for the user that says what to do. Print it without a stack trace. */
export function userError(message: string, options?: ErrorOptions): Error {
  return Object.assign(new Error(message, options), { [plain]: true })
}

/** Whether `error` was created by `userError`, so that its message is meant for the user. */
export function isUserError(error: unknown): error is Error {
  return error instanceof Error && plain in error
}
