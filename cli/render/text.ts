import { isUtf8 } from 'node:buffer'
import { stripVTControlCharacters } from 'node:util'

/** Removes terminal control sequences from text of unknown origin. Line ends and tabs stay. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/(?![\n\t])\p{Cc}/gu, '\uFFFD')
}

/** Text of unknown origin as one line of at most `width` characters; an ellipsis stands for what was cut off. */
export function fit(text: string, width: number): string {
  const line = printable(text).replaceAll(/\s+/g, ' ')
  // The cut may split a surrogate pair.
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1)).toWellFormed()}…`
}

/** Text of unknown origin as lines of at most `width` characters, broken between words; a word that is too long is cut. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of printable(text).split(/\s+/).filter(Boolean)) {
    const longer = `${lines.at(-1) ?? ''} ${word}`
    if (lines.length > 0 && longer.length <= width) lines.splice(-1, 1, longer)
    else lines.push(fit(word, width))
  }
  return lines
}

/** Bytes as text when they are UTF-8, as hex digits otherwise. */
export function bytesText(bytes: Buffer): { encoding: 'utf8' | 'hex'; text: string } {
  const encoding = isUtf8(bytes) ? 'utf8' : 'hex'
  return { encoding, text: bytes.toString(encoding) }
}

/** Milliseconds since the epoch, with microseconds as decimals, as "2025-11-24T02:30:11.123456Z". */
export function isoTime(ms: number): string {
  const micros = Math.round(ms * 1000)
  const decimals = String(micros % 1000).padStart(3, '0')
  return new Date(Math.floor(micros / 1000)).toISOString().replace('Z', `${decimals}Z`)
}

/** {@link isoTime} of a time that may be null. */
export function isoTimeOrNull(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms)
}

/** Milliseconds since the epoch, to the second: "2025-11-24 02:30:11Z". */
export function secondTime(ms: number): string {
  return `${isoTime(ms).slice(0, 19).replace('T', ' ')}Z`
}
