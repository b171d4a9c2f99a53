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

// Most values are words or flat lists; a sticky expression finds their end several times faster than a loop.
const WORD = /[^\s"[{\]},]+/y
const FLAT_LIST = /\[[^"[{\]]*\]/y

const [QUOTE, BACKSLASH] = [0x22, 0x5c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/** A part of a JSON text: from `start` up to, not including, `end`. */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * The position of a member's value in the text of an object, which must be valid JSON and have the member.
 * Of several members with one name the last counts, as in JSON.parse.
 */
export function memberSpan(text: string, name: string): Span {
  const start = onlyMember(text, name) ?? lastMember(text, name)
  return { start, end: valueEnd(text, start) }
}

/** The position of an item in the text of a list, which must be valid JSON and have the item. */
export function itemSpan(list: string, index: number): Span {
  let start = afterSpace(list, 1)
  for (let passed = 0; passed < index; passed += 1) {
    const comma = afterSpace(list, valueEnd(list, start))
    start = afterSpace(list, comma + 1)
  }
  return { start, end: valueEnd(list, start) }
}

/**
 * A fast search. Without backslashes a name is written in one way only and no string contains a quote, so a
 * quoted name that occurs once is the member, and not a nested one or a string with the same text.
 */
function onlyMember(text: string, name: string): number | undefined {
  if (text.includes('\\')) return undefined
  const quoted = `"${name}"`
  const at = text.indexOf(quoted)
  if (at === -1 || text.includes(quoted, at + 1)) return undefined
  return afterColon(text, at + quoted.length)
}

/** Reads member by member. */
function lastMember(text: string, name: string): number {
  let found = -1
  for (let at = afterSpace(text, afterSpace(text, 0) + 1); text[at] === '"';) {
    const nameEnd = stringEnd(text, at)
    const value = afterColon(text, nameEnd)
    if (JSON.parse(text.slice(at, nameEnd)) === name) found = value
    const comma = afterSpace(text, valueEnd(text, value))
    at = afterSpace(text, comma + 1)
  }
  if (found === -1) throw new RangeError(`no member ${name}`)
  return found
}

function valueEnd(text: string, start: number): number {
  if (text[start] === '"') return stringEnd(text, start)
  return matchEnd(WORD, text, start) ?? matchEnd(FLAT_LIST, text, start) ?? nestEnd(text, start)
}

function matchEnd(expression: RegExp, text: string, start: number): number | undefined {
  expression.lastIndex = start
  return expression.test(text) ? expression.lastIndex : undefined
}

/** The end of an object or a list: brackets are counted, strings skipped. */
function nestEnd(text: string, start: number): number {
  let depth = 0
  for (let at = start; ; at += 1) {
    const char = text.charCodeAt(at)
    if (char === QUOTE) at = stringEnd(text, at) - 1
    else if (char === OPEN_LIST || char === OPEN_OBJECT) depth += 1
    else if (char === CLOSE_LIST || char === CLOSE_OBJECT) {
      depth -= 1
      if (depth === 0) return at + 1
    }
  }
}

/** A quote ends a string unless an odd number of backslashes stands before it. */
function stringEnd(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); ; at = text.indexOf('"', at + 1)) {
    let before = at
    while (text.charCodeAt(before - 1) === BACKSLASH) before -= 1
    if ((at - before) % 2 === 0) return at + 1
  }
}

function afterColon(text: string, at: number): number {
  return afterSpace(text, afterSpace(text, at) + 1)
}

function afterSpace(text: string, start: number): number {
  let at = start
  while (isSpace(text.charCodeAt(at))) at += 1
  return at
}

function isSpace(char: number): boolean {
  return char === 0x20 || char === 0x0a || char === 0x0d || char === 0x09
}
