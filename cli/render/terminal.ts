import { createInterface } from 'node:readline/promises'
import type { WriteStream } from 'node:tty'
import { stripVTControlCharacters } from 'node:util'
import { toJson } from './text.ts'

const DEFAULT_WIDTH = 80

/** Characters in a line of standard output. Some terminals report 0. */
export function terminalWidth(): number {
  return process.stdout.columns || DEFAULT_WIDTH
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Indented on a terminal, one line in a pipe. */
export function printJson(value: unknown): void {
  print(toJson(value, process.stdout.isTTY ? 2 : 0))
}

/** Aborted by Ctrl-C or SIGTERM. */
export function untilInterrupted(): AbortSignal {
  const interrupted = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort())
  return interrupted.signal
}

/** Asks a question and returns whether the answer was yes. Ctrl-C, and the end of the input, are a no. */
export async function confirm(
  question: string,
  input: NodeJS.ReadableStream = process.stdin,
  output: NodeJS.WritableStream = process.stderr,
): Promise<boolean> {
  using asking = createInterface({ input, output })
  const closed = new Promise<undefined>((resolve) => {
    asking.once('close', () => resolve(undefined))
    asking.once('SIGINT', () => resolve(undefined))
  })
  // Some versions of Node reject a question when its interface is closed.
  const answer = await Promise.race([asking.question(`${question} [y/N] `).catch(() => undefined), closed])
  // The cursor is still behind the question.
  if (answer === undefined) output.write('\n')
  return answer !== undefined && /^y(es)?$/i.test(answer.trim())
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
