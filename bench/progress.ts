export interface Progress {
  /** A line that stays. */
  say(line: string): void
  /** What goes on just now: takes the place of the one before. Only a terminal shows it. */
  now(text: string): void
}

const ERASE_LINE = '\r\u001B[K'

export function progressOn(stream: NodeJS.WriteStream): Progress {
  const { isTTY } = stream
  const width = stream.columns || 80
  return {
    say: (line) => void stream.write(`${isTTY ? ERASE_LINE : ''}${line}\n`),
    now: (text) => void (isTTY && stream.write(`${ERASE_LINE}${text.slice(0, width - 1)}`)),
  }
}
