import { stripVTControlCharacters } from 'node:util'

/** Text of unknown origin for a terminal: a body must not move the cursor or recolour the screen. Line ends and tabs stay. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/(?![\n\t])\p{Cc}/gu, '\uFFFD')
}

/** Text of unknown origin as one line of at most `width` characters; what is cut off leaves an ellipsis. */
export function fit(text: string, width: number): string {
  const line = printable(text).replaceAll(/\s+/g, ' ')
  // The cut may go through a pair of surrogates.
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1)).toWellFormed()}…`
}

/** Text of unknown origin in lines of at most `width` characters, broken between words; a word that is too long is cut. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of printable(text).split(/\s+/).filter(Boolean)) {
    const longer = `${lines.at(-1) ?? ''} ${word}`
    if (lines.length > 0 && longer.length <= width) lines.splice(-1, 1, longer)
    else lines.push(fit(word, width))
  }
  return lines
}
