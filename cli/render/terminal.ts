import type { WriteStream } from 'node:tty'
import { stripVTControlCharacters } from 'node:util'

export interface Terminal {
  /** Characters in a line. */
  readonly width: number
  readonly color: boolean
}

const DEFAULT_WIDTH = 80

/** Standard output as a terminal. Some terminals report width 0; a pipe gets no colour. Node applies NO_COLOR and FORCE_COLOR. */
export function terminal(): Terminal {
  const { stdout } = process
  return { width: stdout.columns || DEFAULT_WIDTH, color: stdout.isTTY && stdout.hasColors() }
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Indented on a terminal, one line in a pipe. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, process.stdout.isTTY ? 2 : undefined))
}

/** Returns a function that replaces the text it wrote before; without a terminal it appends. */
export function createRedraw(stream: Pick<WriteStream, 'write' | 'columns' | 'isTTY'>): (text: string) => void {
  let rows = 0
  return (text) => {
    // One write, against flicker: cursor to the first row, clear all below, the new text.
    const clear = stream.isTTY && rows > 0 ? `\u001B[${rows}A\r\u001B[J` : ''
    stream.write(`${clear}${text}\n${stream.isTTY ? '' : '\n'}`)
    rows = countRows(text, stream.columns)
  }
}

/** A line longer than the terminal's width takes several rows. */
function countRows(text: string, columns = DEFAULT_WIDTH): number {
  const lengths = text.split('\n').map((line) => stripVTControlCharacters(line).length)
  return lengths.reduce((rows, length) => rows + Math.max(1, Math.ceil(length / (columns || length || 1))), 0)
}
