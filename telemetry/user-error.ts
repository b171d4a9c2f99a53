/** A mistake that the user can correct: the message is one sentence that says how. Shown without a stack trace; exit code 2. */
export class UserError extends Error {
  override readonly name = 'UserError'
}
