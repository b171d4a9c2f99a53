import { setTimeout as sleep } from 'node:timers/promises'
import { readBacklog } from '../../../kafka/backlog.ts'
import type { Admin } from '../../../kafka/client.ts'
import type { Config } from '../../../pipeline/config.ts'
import { routeOf, tracerName } from '../../../pipeline/route.ts'
import type { Database } from '../../../sql/database.ts'
import { readLatestSamples } from '../../../sql/read-status.ts'
import { pipeline } from '../../../stages/index.ts'
import { waitUntil, WaitTimeout } from '../../../telemetry/wait-until.ts'
import type { FaultTarget } from '../faults.ts'

const EVERY_MS = 5000
const judged = [...pipeline.map(({ name }) => name), tracerName]
/**
 * A stage without a process must be STOPPED after these milliseconds: its members leave the group after the session timeout of
 * 10 s, the monitor samples and reports every 5 s, and its last row may be shown for 20 s where that monitor was just killed.
 */
const STOPPED_WITHIN_MS = 45_000
/** A stage or the tracer with a process that runs must not be STOPPED for longer than this, whichever broker is away. */
const NOT_STOPPED_AFTER_MS = 60_000
/** No verdict may be UNKNOWN for longer than this: no fault keeps both monitors, Postgres or the coordinator away for so long. */
const NOT_UNKNOWN_AFTER_MS = 120_000
const WELL_WITHIN_MS = 60_000

export interface VerdictsOptions {
  readonly config: Config
  /** Connected, past the proxies, as is `database`. */
  readonly admin: Admin
  readonly database: Database
  readonly targets: ReadonlyMap<string, readonly FaultTarget[]>
}

export interface VerdictWatch extends AsyncDisposable {
  /** A sentence for each wrong verdict. */
  readonly problems: readonly string[]
  /** How many verdicts were compared, and how many of them were of a stage that had to be STOPPED, by verdict; and the longest wrong ones. */
  readonly counts: ReadonlyMap<string, number>
}

/** Compares the monitor's verdict on each stage with what the harness knows of its processes, every 5 s. */
export function watchVerdicts({ config, admin, database, targets }: VerdictsOptions): VerdictWatch {
  const problems: string[] = []
  const counts = new Map<string, number>()
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1)
  const stopping = new AbortController()
  const keepLongest = (what: string, ms: number) => counts.set(what, Math.max(counts.get(what) ?? 0, Math.round(ms / 1000)))
  /** The verdict of a stage, and since when it has had it. */
  const since = new Map<string, { readonly verdict: string; readonly at: number }>()
  const judge = async (stage: string, verdict: string) => {
    const states = targets.get(stage)?.map(({ state }) => state) ?? []
    const now = performance.now()
    count('verdicts compared')
    if (since.get(stage)?.verdict !== verdict) since.set(stage, { verdict, at: now })
    const lasts = now - (since.get(stage)?.at ?? now)
    const longestUp = Math.max(0, ...states.filter(({ isUp }) => isUp).map((state) => now - state.since))
    const wrongFor = verdict === 'STOPPED' ? Math.min(longestUp, lasts) : 0
    keepLongest('longest STOPPED while a process ran, s', wrongFor)
    if (wrongFor > NOT_STOPPED_AFTER_MS) {
      problems.push(at(`${stage} has been STOPPED for ${seconds(wrongFor)}, while one of its processes ran.`))
    }
    keepLongest('longest UNKNOWN, s', verdict === 'UNKNOWN' ? lasts : 0)
    if (verdict === 'UNKNOWN' && lasts > NOT_UNKNOWN_AFTER_MS) {
      problems.push(at(`${stage} has been UNKNOWN for ${seconds(lasts)}.`))
    }
    const allDown = Math.min(...states.map((state) => (state.isUp ? 0 : now - state.since)))
    if (stage === tracerName || allDown <= STOPPED_WITHIN_MS) return
    const backlog = await readBacklog(admin, routeOf(config, stage)).catch(() => [])
    if (backlog.every(({ waiting }) => waiting === 0n)) return
    count(`of a stage without a process: ${verdict}`)
    // UNKNOWN is true of what a monitor cannot see.
    if (verdict === 'STOPPED' || verdict === 'UNKNOWN') return
    problems.push(at(`${stage} is ${verdict}, and has had no process for ${seconds(allDown)}.`))
  }
  const watch = async () => {
    while (!stopping.signal.aborted) {
      // Without Postgres there is no verdict to judge.
      const samples = await readLatestSamples(database).catch(() => undefined)
      if (samples === undefined) since.clear()
      else await Promise.all(judged.map((name) => judge(name, samples.get(name)?.verdict ?? 'UNKNOWN')))
      await sleep(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }
  const watching = watch()
  return {
    problems,
    counts,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await watching
    },
  }
}

const seconds = (ms: number) => `${Math.round(ms / 1000)} s`
const at = (sentence: string) => `${new Date().toISOString()}: ${sentence}`

/** Waits until every verdict is OK and no message is missing, with everything running and nothing waiting. Returns the problems. */
export async function checkLastVerdicts(database: Database): Promise<string[]> {
  let wrong: string[] = []
  const areWell = async () => {
    const samples = await readLatestSamples(database)
    wrong = judged.flatMap((name) => {
      const { verdict = 'UNKNOWN', missing = null, sentence = '' } = samples.get(name) ?? {}
      if (verdict === 'OK' && (missing ?? 0) === 0) return []
      return [`A minute after the end ${name} is ${verdict}, with ${missing ?? 0} missing: ${sentence}.`]
    })
    return wrong.length === 0
  }
  try {
    await waitUntil('every verdict is OK', areWell, { timeoutMs: WELL_WITHIN_MS, everyMs: 1000 })
  } catch (error) {
    if (!(error instanceof WaitTimeout)) throw error
  }
  return wrong
}
