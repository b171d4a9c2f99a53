import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { WriteStream } from 'node:tty'
import { type Status, renderStatus } from '../cli/render/render-status.ts'
import { createRedraw, terminal } from '../cli/render/terminal.ts'
import { fit } from '../cli/render/text.ts'
import { type Config, readConfig } from '../pipeline/config.ts'
import { formatCount } from '../stages/refusal.ts'
import { duration } from '../telemetry/time.ts'

export type DemoLog = ReturnType<typeof openLog>

const NEWEST = 3

/**
 * The output of all processes: every line in a file, and the warnings for the terminal.
 * @param clock milliseconds since the epoch
 */
export function openLog(path: string, clock: () => number = Date.now) {
  const file = createWriteStream(path)
  const newest: { readonly at: number; readonly text: string }[] = []
  let warnings = 0
  const warn = (text: string) => {
    warnings += 1
    newest.push({ at: clock(), text })
    if (newest.length > NEWEST) newest.shift()
  }
  return {
    path,
    /** Adds a line of a process. */
    add(name: string, line: string) {
      // JSON lines name their process themselves; others, such as a crash, do not.
      file.write(line.startsWith('{') ? `${line}\n` : `${name}: ${line}\n`)
      if (!/^\{"level":"(warn|error|fatal)"/.test(line)) return
      const { msg } = JSON.parse(line) as { msg?: string }
      if (msg !== undefined) warn(`${name}: ${msg}`)
    },
    /** The answer, or undefined and a warning, "what: why", when it fails. */
    async orWarning<T>(what: string, answer: Promise<T>): Promise<T | undefined> {
      try {
        return await answer
      } catch (error) {
        warn(`${what}: ${error instanceof Error ? error.message : String(error)}`)
        return undefined
      }
    },
    /** The number of warnings since the beginning. */
    get warnings() {
      return warnings
    },
    /** The newest warnings after a time in milliseconds since the epoch, oldest first; three at most. */
    newest: (since: number) => newest.filter(({ at }) => at > since).map(({ text }) => text),
    async [Symbol.asyncDispose]() {
      file.end()
      await once(file, 'close')
    },
  }
}

/** Shows the status of the pipeline. */
export interface DemoView {
  /** @param status undefined when it could not be read */
  show(status: Status | undefined): void
  /** Shows the last status. */
  end(status: Status): void
}

type Warnings = Pick<DemoLog, 'newest' | 'warnings' | 'path'>

/** A table that is redrawn in a terminal; elsewhere a line every five seconds. */
export function demoView(stream: WriteStream, log: Warnings, clock: () => number = Date.now): DemoView {
  return stream.isTTY ? liveTable(stream, log, clock) : progressLines(stream, log, clock)
}

const SHOW_WARNING_MS = 20_000

function liveTable(stream: WriteStream, log: Warnings, clock: () => number): DemoView {
  const draw = createRedraw(stream)
  let latest: Status | undefined
  const show = (status: Status | undefined) => {
    latest = status ?? latest
    if (latest === undefined) return
    const newest = log.newest(clock() - SHOW_WARNING_MS).map((text) => fit(text, terminal().width))
    const warnings = log.warnings === 0 ? [] : ['', warningCount(log), ...newest]
    draw([renderStatus(latest, terminal()), ...warnings].join('\n'))
  }
  const end = (status: Status) => {
    show(status)
    stream.write('\n')
  }
  return { show, end }
}

const LINE_EVERY_MS = 5000

function progressLines(stream: Pick<WriteStream, 'write'>, log: Warnings, clock: () => number): DemoView {
  const began = clock()
  let latest = began
  const write = (...lines: readonly string[]) => stream.write(lines.map((line) => `${line}\n`).join(''))
  const writeWarnings = () => {
    const newest = log.newest(latest)
    if (newest.length > 0) write(warningCount(log), ...newest)
    latest = clock()
  }
  return {
    show(status) {
      if (clock() - latest < LINE_EVERY_MS) return
      if (status !== undefined) write(progressLine(status, clock() - began))
      writeWarnings()
    },
    end(status) {
      writeWarnings()
      write(renderStatus(status, terminal()), '')
    },
  }
}

function warningCount({ warnings, path }: Warnings): string {
  return `${formatCount(warnings)} ${warnings === 1 ? 'warning' : 'warnings'} so far, all of them in ${path}`
}

/** "15 s: entered 40, finished 38, in flight 2, dead 0, end to end p50 41.3 ms, p95 60.2 ms" */
function progressLine(status: Status, elapsedMs: number): string {
  const { entered, finished, inFlight, dead, endToEnd } = status
  const counts = `entered ${formatCount(entered)}, finished ${formatCount(finished)}, in flight ${formatCount(inFlight)}, dead ${formatCount(dead)}`
  const times = endToEnd && `, end to end p50 ${duration(endToEnd.p50Ms)}, p95 ${duration(endToEnd.p95Ms)}`
  return `${Math.round(elapsedMs / 1000)} s: ${counts}${times ?? ''}`
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

/** The addresses of the servers, and what to try while the demo runs. */
export function intro(servers: readonly { readonly name: string; readonly address: string }[], config: Config): string {
  const defaults = readConfig({})
  const changed = shared.filter((key) => String(config[key]) !== String(defaults[key]))
  const settings = changed.map((key) => `${key}=${String(config[key])}`)
  return [
    '',
    `${servers.map(({ name, address }) => `${name} ${address}`).join(', ')}.`,
    'Ctrl-C stops everything. In another terminal:',
    ...(settings.length > 0 ? [`  export ${settings.join(' ')}`] : []),
    `  npx throughline submit '{"numbers":[1.5,2.5]}'`,
    '  npx throughline follow ID      # the id that submit prints',
    '',
  ].join('\n')
}
