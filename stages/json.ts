/** JSON text that JSON.stringify copies unchanged, such as a number with more digits than a double holds. */
export interface RawJson {
  readonly rawJSON: string
}

/** A value that a stage may return. */
export type Json =
  | null
  | boolean
  | number
  | string
  | RawJson
  | { readonly toJSON: () => RawJson }
  | readonly Json[]
  | { readonly [field: string]: Json }

/**
 * Wraps the JSON text of one number, string, boolean or null.
 * Source: TC39's "JSON.parse source text access"; Node has it, TypeScript's library types do not yet.
 */
export const rawJson = (JSON as unknown as { readonly rawJSON: (text: string) => RawJson }).rawJSON

/** A value in a JSON text, without the space around it, and where it starts. */
export interface Part {
  readonly text: string
  readonly start: number
}

/**
 * The value of a member of an object, which must be valid JSON and have the member.
 * Of several members with one name the last counts, as in JSON.parse.
 */
export function memberValue(object: string, name: string): Part {
  const start = onlyMember(object, name) ?? lastMember(object, name)
  return trimmed(object, start, partEnd(object, start))
}

/**
 * A fast search; reading all members instead costs 17 us a message. Without backslashes a name is written in one way
 * only and no string contains a quote, so a quoted name that occurs once is the member.
 */
function onlyMember(object: string, name: string): number | undefined {
  if (object.includes('\\')) return undefined
  const quoted = `"${name}"`
  const at = object.indexOf(quoted)
  if (at === -1 || object.includes(quoted, at + 1)) return undefined
  return object.indexOf(':', at + quoted.length) + 1
}

function lastMember(object: string, name: string): number {
  let found = -1
  for (const { text, start } of outermostParts(object)) {
    const nameEnd = stringEnd(text, 0)
    if (JSON.parse(text.slice(0, nameEnd)) === name) found = start + text.indexOf(':', nameEnd) + 1
  }
  if (found === -1) throw new RangeError(`no member ${name}`)
  return found
}

/** The items of a list or the members of an object, which must be valid JSON. */
export function outermostParts(text: string): Part[] {
  const parts: Part[] = []
  let end = text.search(/[[{]/)
  do {
    const start = end + 1
    end = partEnd(text, start)
    const part = trimmed(text, start, end)
    if (part.text !== '') parts.push(part)
  } while (text[end] === ',')
  return parts
}

/** The position of the comma or bracket that ends an item or a member. */
function partEnd(text: string, start: number): number {
  let depth = 0
  for (let at = start; ; at += 1) {
    const char = text[at]
    if (char === '"') at = stringEnd(text, at) - 1
    else if (char === '[' || char === '{') depth += 1
    else if (depth === 0 && (char === ',' || char === ']' || char === '}')) return at
    else if (char === ']' || char === '}') depth -= 1
  }
}

function stringEnd(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function trimmed(text: string, start: number, end: number): Part {
  const part = text.slice(start, end).trimStart()
  return { text: part.trimEnd(), start: end - part.length }
}
