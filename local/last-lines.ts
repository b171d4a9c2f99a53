export interface LastLines {
  add(line: string): void
  toString(): string
}

/** Keeps the newest `limit` lines: enough to say why a process died, however long it has talked before. */
export function lastLines(limit = 40): LastLines {
  const lines: string[] = []
  return {
    add(line) {
      lines.push(line)
      if (lines.length > limit) lines.shift()
    },
    toString: () => lines.join('\n'),
  }
}
