/** The text below a command's help: each example as it is typed, after a line that says what for. */
export function examples(...entries: readonly (readonly [purpose: string, typed: string])[]): string {
  return `\nExamples:\n${entries.map(([purpose, typed]) => `  # ${purpose}\n  $ ${typed}`).join('\n')}`
}
