/** A mistake that the person at the keyboard can mend: the message is one sentence that says how. Shown without a stack trace; exit code 2. */
export class UserError extends Error {
  override readonly name = 'UserError'
}
