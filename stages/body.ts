import { memberValue } from './json.ts'
import { Refusal, shorten } from './refusal.ts'

/** A message's body: a JSON object, as text and as JSON.parse reads it. */
export interface Body {
  readonly text: string
  /** Its numbers are doubles; `sourceOf` has all digits. Test for a field with Object.hasOwn. */
  readonly fields: Readonly<Record<string, unknown>>
}

const BYTE_ORDER_MARK = '\uFEFF'

/** @throws {Refusal} 'not-json', 'not-an-object' */
export function parseBody(record: string): Body {
  // Windows editors put the mark first, and JSON.parse rejects it.
  const text = record.startsWith(BYTE_ORDER_MARK) ? record.slice(1) : record
  const fields = parseJson(text)
  if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) {
    return { text, fields: fields as Readonly<Record<string, unknown>> }
  }
  const remedy = 'Send a JSON object: put the value into a named field.'
  throw new Refusal('not-an-object', `The body is ${shorten(text.trim())}. ${remedy}`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const why = shorten(cause instanceof Error ? cause.message : String(cause), 160)
    throw new Refusal('not-json', `The body is not JSON: ${why}. Send a JSON object.`, { cause })
  }
}

/** The exact JSON text of a field, such as '[1.50,2]'; undefined when it is absent. */
export function sourceOf({ text, fields }: Body, field: string): string | undefined {
  return Object.hasOwn(fields, field) ? memberValue(text, field).text : undefined
}

/** The body's text with a field appended, or replaced in place. All other characters stay as they are. */
export function withField({ text, fields }: Body, field: string, json: string): string {
  if (Object.hasOwn(fields, field)) {
    const old = memberValue(text, field)
    return text.slice(0, old.start) + json + text.slice(old.start + old.text.length)
  }
  const close = text.lastIndexOf('}')
  const comma = Object.keys(fields).length === 0 ? '' : ','
  return `${text.slice(0, close)}${comma}${JSON.stringify(field)}:${json}${text.slice(close)}`
}
