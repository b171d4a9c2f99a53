import { isBad, type Verdict } from '../../monitor/verdict.ts'
import { submitUnpublished, type Ingress } from '../../pipeline/ingress/outbox.ts'
import { entryOf } from '../../pipeline/route.ts'
import { readLatestSamples, readMessageTotals, type MessageTotals } from '../../sql/read-status.ts'
import { beginScenario, endScenario, readFaults, readFiringAlerts } from '../../sql/scenarios.ts'
import { UserError } from '../../telemetry/user-error.ts'
import { afterwards, areMet, isExpectedAfterwards, type Expectation, type Observation, type Sighting } from './judge.ts'
import { createLoad } from './load.ts'
import type { Scenario } from './scenarios.ts'
import { look, nothingSeen, secondsOf, type Running, type ScenarioRun } from './watch.ts'

/** Seconds in which a process has to obey the fault. */
const OBEYED_WITHIN = 5
/** Seconds in which the system has to be back after the fault. */
const BACK_WITHIN = 90

export interface ScenarioOutcome {
  readonly sightings: readonly Sighting[]
  /** A sentence that says when the fault ends; undefined when the scenario was not interrupted. */
  readonly interruption?: string
}

/**
 * Injects the fault of a scenario, sends its messages, watches the views, ends the fault, and waits until the system is back.
 * @throws {UserError} when nothing obeys the fault, the time is too short, or the system is not in a state to begin with
 */
export async function runScenario(scenario: Scenario, options: ScenarioRun): Promise<ScenarioOutcome> {
  const { config, servers, signal } = options
  const before = await requireWell(scenario, options)
  const watched = await listWatched(scenario, options)
  const deadline = Math.max(...watched.map(({ within, unwatched }) => (unwatched === undefined ? (within ?? 0) : 0)))
  const lease = requireTime(scenario, options.seconds, deadline)
  const ingress: Ingress = { ...servers, ...entryOf(config), enteredBy: 'scenario' }
  // What a scenario has left that was killed.
  await submitUnpublished(ingress)
  const { name, about, stage = null, fault = null, setting = {} } = scenario
  options.onBegin(watched)
  const id = await beginScenario(servers.database, { name, about, stage, fault, setting, seconds: lease })
  const found = { pending: new Set<string>(), sent: [], observation: nothingSeen, sightings: watched, isOver: false }
  const running: Running = { ...options, scenario, id, begun: performance.now(), before, ...found }
  let result: object = { interrupted: true }
  try {
    if (fault !== null) await requireObeyed(running)
    // A fault that ends by itself may be watched for longer than it lasts.
    await watchFault(running, { ingress, lease, deadline: Math.max(lease, deadline) })
    const hasEnded = await endScenario(servers.database, id).then(
      () => true,
      () => false,
    )
    running.isOver = !signal.aborted
    const isBack = () => areMet(running.sightings.filter(isExpectedAfterwards))
    await look(running, isBack, { until: secondsOf(running) + BACK_WITHIN, signal })
    const { sightings } = running
    if (signal.aborted) return { sightings, interruption: sayInterrupted(running, { lease, hasEnded }) }
    const signals = sightings.map(({ text, after }) => ({ text, after }))
    result = { isAsExpected: areMet(sightings), signals }
    return { sightings }
  } finally {
    // Where Postgres is away, the lease ends by itself.
    await endScenario(servers.database, id, result).catch(() => {})
  }
}

/** Stages ask every second whether a lease has ended; the demo, or a stage without Postgres, keeps to the time it had first. */
function sayInterrupted(running: Running, { lease, hasEnded }: { lease: number; hasEnded: boolean }): string {
  const { fault } = running.scenario
  const left = Math.ceil(lease - secondsOf(running))
  if (fault === undefined) return 'Interrupted: nothing was judged.'
  if (left <= 0 || (running.isOver && hasEnded)) return 'Interrupted: nothing was judged, and the fault has ended.'
  const isObeyedSoon = hasEnded && fault !== 'database-away'
  return `Interrupted: nothing was judged, and the fault ends ${isObeyedSoon ? 'within a second' : `by itself in ${left} s`}.`
}

/** What the scenario expects, with the reason for each alert that cannot be watched. */
async function listWatched({ expects, seconds = 0 }: Scenario, options: ScenarioRun): Promise<readonly Sighting[]> {
  const { noAlerts, servers } = options
  const firing = await readFiringAlerts(servers.database)
  const later = Math.max(0, (options.seconds ?? seconds) - seconds)
  const watched = (each: Expectation): Sighting => {
    const isFiring = each.isAlert && each.look({ ...nothingSeen, firing }) !== undefined
    const unwatched = each.isAlert ? (noAlerts ?? (isFiring ? 'it fired already' : undefined)) : undefined
    const within = each.followsEnd && each.within !== undefined ? each.within + later : each.within
    return { ...each, ...(within !== undefined && { within }), ...(unwatched !== undefined && { unwatched }) }
  }
  return [...expects, ...afterwards].map(watched)
}

/** Seconds that the fault lasts. @throws {UserError} when they are too few for what is expected */
function requireTime({ name, seconds }: Scenario, asked: number | undefined, deadline: number): number {
  const least = seconds ?? deadline
  if (asked === undefined || asked >= least) return asked ?? least
  throw new UserError(`${name} needs ${least} s until all can be seen: --for ${asked} is too short.`)
}

/** The totals before the scenario. */
async function requireWell({ stage, name }: Scenario, { servers: { database } }: ScenarioRun): Promise<MessageTotals> {
  const samples = await readLatestSamples(database)
  if (samples.size === 0) {
    throw new UserError('No monitor samples the pipeline, so nothing could be seen: start the process `monitor`.')
  }
  for (const [each, { verdict, sentence }] of samples) {
    if (isBad(verdict as Verdict) && (stage ?? each) === each)
      throw new UserError(`${name} begins when all is well: ${sentence}.`)
  }
  const [other] = await readFaults(database, stage ?? null)
  if (other !== undefined) {
    const where = stage === undefined ? 'here' : `at ${stage}`
    const left = Math.ceil(other.leftMs / 1000)
    throw new UserError(`The scenario ${other.name} still runs ${where}: its fault ends by itself in ${left} s.`)
  }
  return await readMessageTotals(database)
}

async function requireObeyed(running: Running): Promise<void> {
  const { scenario, signal } = running
  const isObeyed = ({ effects, isAway }: Observation) => effects !== null || isAway
  await look(running, isObeyed, { until: OBEYED_WITHIN, signal })
  if (signal.aborted || isObeyed(running.observation)) return
  throw new UserError(
    scenario.stage === undefined
      ? 'Nothing here owns Postgres, so nothing can stop it: this scenario is for `npm run demo` with a Postgres of its own.'
      : `No process of ${scenario.stage} obeys scenarios: start the stages with SCENARIOS=on, as the demo and compose do.`,
  )
}

interface WatchOptions {
  readonly ingress: Ingress
  /** Seconds after the begin, as the deadline. */
  readonly lease: number
  readonly deadline: number
}

/** Sends the messages of the scenario and watches until its signals are seen, or cannot be seen in time any more. */
async function watchFault(running: Running, { ingress, lease, deadline }: WatchOptions): Promise<void> {
  const over = new AbortController()
  const signal = AbortSignal.any([running.signal, over.signal])
  const onSent = (ids: readonly string[]) => {
    running.sent.push(...ids)
    for (const id of ids) running.pending.add(id)
  }
  const isAway = () => running.observation.isAway
  const load = await createLoad({ ...running, ingress, isAway, onSent, signal })
  let failure: unknown
  const sending = running.scenario.send(load).catch((error: unknown) => {
    // Afterwards, it fails because it is aborted.
    if (!signal.aborted) failure = error
    over.abort()
  })
  const isOver = () => {
    const areSeen = areMet(running.sightings.filter((sighting) => !isExpectedAfterwards(sighting)))
    return areSeen && (running.seconds === undefined || secondsOf(running) >= lease)
  }
  try {
    await look(running, isOver, { until: deadline, signal })
  } finally {
    over.abort()
    await sending
  }
  if (failure !== undefined) throw failure
}
