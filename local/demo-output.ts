import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { WriteStream } from 'node:tty'
import { type Status, renderStatus } from '../cli/render/render-status.ts'
import { createRedraw, terminalWidth } from '../cli/render/terminal.ts'
import { type Config, readConfig } from '../pipeline/config.ts'
import { countOf } from '../stages/refusal.ts'

export type DemoLog = ReturnType<typeof openLog>

const NEWEST = 3

/** The output of all processes: every line in a file, and the warnings for the terminal. */
export function openLog(path: string) {
  const file = createWriteStream(path)
  const newest: string[] = []
  let warnings = 0
  const warn = (text: string) => {
    warnings += 1
    newest.push(text)
    if (newest.length > NEWEST) newest.shift()
  }
  return {
    path,
    warn,
    /** Adds a line of a process. */
    add(name: string, line: string) {
      // JSON lines name their process themselves; others, such as a crash, do not.
      file.write(line.startsWith('{') ? `${line}\n` : `${name}: ${line}\n`)
      if (!/^\{"level":"(warn|error|fatal)"/.test(line)) return
      const { msg } = JSON.parse(line) as { msg?: string }
      if (msg !== undefined) warn(`${name}: ${msg}`)
    },
    /** How many there were and the three newest, oldest first; empty without warnings. */
    warningLines(): string[] {
      if (warnings === 0) return []
      return [`${countOf(warnings, 'warning')} so far, all of them in ${path}`, ...newest]
    },
    async [Symbol.asyncDispose]() {
      file.end()
      await once(file, 'close')
    },
  }
}

const PIPE_EVERY_MS = 5000

/** Shows the status as a table with the newest warnings below: redrawn in a terminal, elsewhere every five seconds and at the end. */
export function demoView(stream: WriteStream, log: Pick<DemoLog, 'warningLines'>, clock: () => number = Date.now) {
  const redraw = createRedraw(stream)
  let shownAt = clock()
  const end = (status: Status) => {
    redraw([renderStatus(status, terminalWidth()), '', ...log.warningLines()].join('\n').trimEnd())
    shownAt = clock()
  }
  const show = (status: Status) => {
    if (stream.isTTY || clock() - shownAt >= PIPE_EVERY_MS) end(status)
  }
  return { show, end }
}

/** The variables by which a command in another terminal finds this pipeline. */
const shared = [
  'BOOTSTRAP_SERVERS',
  'TOPIC_PREFIX',
  'DB_HOST',
  'DB_PORT',
  'DB_NAME',
  'DB_USER',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
] as const

/** What to try while the demo runs. */
export function intro(config: Config): string {
  const defaults = readConfig({})
  const changed = shared.filter((key) => String(config[key]) !== String(defaults[key]))
  const settings = changed.map((key) => `${key}=${String(config[key])}`)
  return [
    '',
    'Ctrl-C stops everything. In another terminal:',
    ...(settings.length > 0 ? [`  export ${settings.join(' ')}`] : []),
    `  npx throughline submit '{"numbers":[1.5,2.5]}'`,
    '  npx throughline follow ID      # the id that submit prints',
    '',
  ].join('\n')
}
