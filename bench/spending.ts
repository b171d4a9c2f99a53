import { cpus } from 'node:os'
import { processorSeconds, type Components } from './processor-time.ts'
import type { Figures } from './report.ts'

/** Seconds of processor time from some moment on. */
export interface Spending {
  readonly components: Figures
  /** Shares of all cores, in percent: of the bench itself, and of everything else that is no component. */
  readonly shares: { readonly benchShare: number; readonly otherShare: number }
}

/** Begins to count; the answer says what was spent until then. */
export function countSpending(components: Components): () => Spending {
  const before = readings(components)
  return () => {
    const after = readings(components)
    const spent = Object.fromEntries(
      Object.entries(after.components).map(([name, seconds]) => [
        name,
        seconds - (before.components[name] ?? 0),
      ]),
    )
    const [all, bench, busy] = [after.all - before.all, after.bench - before.bench, after.busy - before.busy]
    const other = Object.values(spent).reduce((rest, seconds) => rest - seconds, busy - bench)
    return {
      components: spent,
      shares: { benchShare: (bench / all) * 100, otherShare: Math.max(0, (other / all) * 100) },
    }
  }
}

function readings(components: Components) {
  const entries = Object.entries(components).map(
    ([name, pids]) => [name, pids.reduce((sum, pid) => sum + processorSeconds(pid), 0)] as const,
  )
  const { user, system } = process.cpuUsage()
  return { components: Object.fromEntries(entries), bench: (user + system) / 1e6, ...processorsSoFar() }
}

/** Seconds of all cores since the machine was started. */
export function processorsSoFar(): { busy: number; all: number } {
  const times = cpus().map((core) => core.times)
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0) / 1000
  const all = sum(times.flatMap((each) => Object.values(each)))
  return { busy: all - sum(times.map(({ idle }) => idle)), all }
}
