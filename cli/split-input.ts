import { UserError } from '../telemetry/user-error.ts'
import { parseBody } from '../stages/body.ts'
import { Refusal } from '../stages/refusal.ts'
import { fit } from './render/printable.ts'

/**
 * The bodies in a text: a line each, or the whole text when it is one document, over several lines too. Bodies stay as
 * they are written, but for the space around them.
 * @param name what the text is called in complaints
 * @param maxBytes the size of the largest body
 * @throws {UserError} naming the first line that is no JSON object or too large
 */
export function splitInput(text: string, name: string, maxBytes: number): string[] {
  const bodies = isDocument(text)
    ? [{ body: text.trim(), where: name }]
    : text
        .split('\n')
        .map((line, index) => ({ body: line.trim(), where: `line ${index + 1} of ${name}` }))
        .filter(({ body }) => body !== '')
  if (bodies.length === 0 || text.trim() === '') throw new UserError(`Nothing to submit: ${name} is empty.`)
  for (const { body, where } of bodies) {
    const complaint = refusalOf(body)?.message ?? sizeComplaint(body, maxBytes)
    if (complaint === undefined) continue
    throw new UserError(`Nothing was sent, because of ${where}: ${fit(complaint, 300)}`)
  }
  return bodies.map(({ body }) => body)
}

/** One JSON value, or nothing that has a body of its own in any of its lines: then it is meant to be one. */
function isDocument(text: string): boolean {
  if (refusalOf(text)?.code !== 'not-json') return true
  return !text.split('\n').some((line) => line.trim() !== '' && refusalOf(line) === undefined)
}

function refusalOf(body: string): Refusal | undefined {
  try {
    parseBody(body)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

function sizeComplaint(body: string, maxBytes: number): string | undefined {
  const bytes = Buffer.byteLength(body)
  return bytes <= maxBytes ? undefined : `It has ${bytes} bytes; a message may have ${maxBytes}.`
}
