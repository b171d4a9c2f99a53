import { once } from 'node:events'
import { createWriteStream } from 'node:fs'

/** What the processes of the demo say: all of it in a file, and what a person should see. */
export interface DemoLog extends AsyncDisposable {
  readonly path: string
  /** Takes a line of a process. */
  add(name: string, line: string): void
  /** Makes a failure a warning: "what: why", and undefined instead of the answer. */
  orWarning<T>(what: string, answer: Promise<T>): Promise<T | undefined>
  /** How many warnings there were since the beginning. */
  readonly warnings: number
  /** The newest of those that came after a time in milliseconds since the epoch, the oldest first. */
  newest(since: number): string[]
}

const KEPT = 3

/** @param clock milliseconds since the epoch */
export function openLog(path: string, clock: () => number = Date.now): DemoLog {
  const file = createWriteStream(path)
  const newest: { readonly at: number; readonly text: string }[] = []
  let warnings = 0
  const warn = (text: string) => {
    warnings += 1
    newest.push({ at: clock(), text })
    if (newest.length > KEPT) newest.shift()
  }
  return {
    path,
    add(name, line) {
      // The lines of the log say where they come from; others, such as a crash, do not.
      file.write(line.startsWith('{') ? `${line}\n` : `${name}: ${line}\n`)
      const warning = warningIn(line)
      if (warning !== undefined) warn(`${name}: ${warning}`)
    },
    async orWarning(what, answer) {
      try {
        return await answer
      } catch (error) {
        warn(`${what}: ${error instanceof Error ? error.message : String(error)}`)
        return undefined
      }
    },
    get warnings() {
      return warnings
    },
    newest: (since) => newest.filter(({ at }) => at > since).map(({ text }) => text),
    async [Symbol.asyncDispose]() {
      file.end()
      await once(file, 'close')
    },
  }
}

/** What a line of the log says when it is a warning or worse. */
function warningIn(line: string): string | undefined {
  if (!/^\{"level":"(warn|error|fatal)"/.test(line)) return undefined
  const { msg } = JSON.parse(line) as { msg?: string }
  return msg
}
