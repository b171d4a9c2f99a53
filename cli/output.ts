/** How the terminal wants its text. */
export interface Look {
  /** Characters in a line. */
  readonly width: number
  readonly color: boolean
}

const PIPE_WIDTH = 80

/** A terminal may not know its width and say 0. NO_COLOR and FORCE_COLOR are Node's to read; a pipe gets no colour. */
export function look(): Look {
  const { stdout } = process
  return { width: stdout.columns || PIPE_WIDTH, color: stdout.isTTY && stdout.hasColors() }
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Indented for a person, one line for a program. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, process.stdout.isTTY ? 2 : undefined))
}
