import { InvalidArgumentError } from 'commander'
import { parseMessageId } from '../pipeline/message.ts'

/** @throws {InvalidArgumentError} */
export function positiveWhole(text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (value < 1) throw new InvalidArgumentError('Expected a whole number, 1 or more.')
  return value
}

/** @throws {InvalidArgumentError} */
export function seconds(text: string): number {
  if (!/^\d{1,6}(\.\d+)?$/.test(text))
    throw new InvalidArgumentError('Expected a number of seconds, such as 30 or 0.5.')
  return Number(text)
}

/** @throws {InvalidArgumentError} */
export function messageId(text: string): string {
  const id = parseMessageId(text)
  if (id === undefined) throw new InvalidArgumentError('Expected 32 hex digits, with or without dashes.')
  return id
}

/** Of an argument that is given several times: commander hands over what came before.
 * @throws {InvalidArgumentError} */
export function messageIds(text: string, before: readonly string[] = []): string[] {
  return [...before, messageId(text)]
}
