import type { WriteStream } from 'node:tty'
import { duration } from '../cli/render/duration.ts'
import { look } from '../cli/output.ts'
import { fit } from '../cli/render/printable.ts'
import type { Status } from '../sql/read-status.ts'
import { redrawing } from '../cli/render/redrawing.ts'
import { renderStatus } from '../cli/render/render-status.ts'
import { count } from '../stages/refusal.ts'
import type { DemoLog } from './demo-log.ts'

/** How often there is something new to see. */
export const LOOK_EVERY_MS = 500

/** Where a person sees the pipeline work. */
export interface DemoView {
  /** @param status undefined when there is nothing newer than the last */
  show(status: Status | undefined): void
  /** The last look. */
  end(status: Status): void
}

type Warnings = Pick<DemoLog, 'newest' | 'warnings' | 'path'>

/** A table that is drawn again and again; where there is no terminal, a line now and then. */
export function demoView(stream: WriteStream, log: Warnings, clock: () => number = Date.now): DemoView {
  return stream.isTTY ? liveTable(stream, log, clock) : progressLines(stream, log, clock)
}

const WARNING_STAYS_MS = 20_000

function liveTable(stream: WriteStream, log: Warnings, clock: () => number): DemoView {
  const draw = redrawing(stream)
  let latest: Status | undefined
  const show = (status: Status | undefined) => {
    latest = status ?? latest
    if (latest === undefined) return
    const newest = log.newest(clock() - WARNING_STAYS_MS).map((text) => fit(text, look().width))
    const sum = log.warnings === 0 ? [] : ['', warningSum(log), ...newest]
    draw([renderStatus(latest, look()), ...sum].join('\n'))
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
    if (newest.length > 0) write(warningSum(log), ...newest)
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
      write(renderStatus(status, look()), '')
    },
  }
}

function warningSum({ warnings, path }: Warnings): string {
  return `${count(warnings)} ${warnings === 1 ? 'warning' : 'warnings'} so far, all of them in ${path}`
}

/** "15 s: entered 40, finished 38, in flight 2, dead 0, end to end p50 41.3 ms, p95 60.2 ms" */
export function progressLine(status: Status, elapsedMs: number): string {
  const { entered, finished, inFlight, dead, endToEnd } = status
  const sums = `entered ${count(entered)}, finished ${count(finished)}, in flight ${count(inFlight)}, dead ${count(dead)}`
  const times = endToEnd && `, end to end p50 ${duration(endToEnd.p50Ms)}, p95 ${duration(endToEnd.p95Ms)}`
  return `${Math.round(elapsedMs / 1000)} s: ${sums}${times ?? ''}`
}
