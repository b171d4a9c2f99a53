import type { WriteStream } from 'node:tty'
import { stripVTControlCharacters } from 'node:util'

/** A function that writes a text over the one that it wrote before; where there is no terminal, below it. */
export function redrawing(stream: Pick<WriteStream, 'write' | 'columns' | 'isTTY'>): (text: string) => void {
  let rows = 0
  return (text) => {
    // One write, so that nothing flickers: up to the first row, clear all below, the new text.
    const over = stream.isTTY && rows > 0 ? `\u001B[${rows}A\r\u001B[J` : ''
    stream.write(`${over}${text}\n${stream.isTTY ? '' : '\n'}`)
    rows = rowsOf(text, stream.columns)
  }
}

/** A line that is longer than the terminal is wide takes several rows. */
function rowsOf(text: string, columns = 80): number {
  const lengths = text.split('\n').map((line) => stripVTControlCharacters(line).length)
  return lengths.reduce((rows, length) => rows + Math.max(1, Math.ceil(length / (columns || length || 1))), 0)
}
