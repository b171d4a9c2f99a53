import { InvalidArgumentError } from 'commander'
import { readConfig, type Config } from '../../pipeline/config.ts'
import { markInterrupted } from '../../sql/scenarios.ts'
import { UserError } from '../../telemetry/user-error.ts'
import { ask, withoutLogin } from '../ask.ts'
import { type CliCommand, exitCode, positiveWhole } from '../options.ts'
import { renderStatus } from '../render/render-status.ts'
import { createRedraw, print, terminalWidth, untilInterrupted } from '../render/terminal.ts'
import { wrap } from '../render/text.ts'
import { areMet, type Sighting } from '../scenario/judge.ts'
import { runScenario } from '../scenario/run-scenario.ts'
import { scenarios, type Scenario } from '../scenario/scenarios.ts'
import { withServers, type Servers } from '../servers.ts'
import { readStatus } from './status.ts'

interface Options {
  readonly for?: number
  readonly watch?: true
}

export function define(command: CliCommand): void {
  command
    .summary('break the pipeline on purpose, and see what shows it')
    .description(
      'Injects a fault or sends messages that are unusual, says which signals must be seen and by when, watches for them, ends the ' +
        'fault, waits until the system is back, and judges: what was expected, what was seen. Without a name it lists the ' +
        'scenarios. Stages obey where they run with SCENARIOS=on, as in the demo and in compose. A fault ends by itself, also ' +
        'when this command is killed. Exits with 1 when a signal was not seen or the system is not back. Alerts are watched ' +
        'where Grafana answers at GRAFANA_URL.',
    )
    .argument('[name]', 'the scenario')
    .option('--for <seconds>', 'how long the fault lasts, at most 600; by default until all is seen', faultSeconds)
    .option('-w, --watch', 'show the status meanwhile')
    .examples({
      'All scenarios': 'npx throughline scenario',
      'A stage that is stopped, with the status meanwhile': 'npx throughline scenario stop-stage --watch',
      'A slow stage for two minutes': 'npx throughline scenario slow-stage --for 120',
    })
    .action(async (name: string | undefined, options: Options) => {
      if (name === undefined) {
        print(renderList(terminalWidth()))
        return
      }
      const scenario = scenarios.find((each) => each.name === name)
      if (scenario === undefined) {
        const names = scenarios.map((each) => each.name).join(', ')
        throw new UserError(`There is no scenario "${name}". The scenarios are ${names}.`)
      }
      const config = readConfig()
      await withServers(config, (servers) => run(scenario, { config, servers, options }))
    })
}

const MAX_SECONDS = 600

/** @throws {InvalidArgumentError} */
function faultSeconds(text: string): number {
  const value = positiveWhole(text)
  if (value > MAX_SECONDS) throw new InvalidArgumentError(`Expected a whole number of seconds, at most ${MAX_SECONDS}.`)
  return value
}

interface Run {
  readonly config: Config
  readonly servers: Servers
  readonly options: Options
}

async function run(scenario: Scenario, { config, servers, options }: Run): Promise<void> {
  const signal = untilInterrupted()
  for (const name of await markInterrupted(servers.database))
    print(`The scenario ${name} was interrupted before; its fault has ended.`)
  const hasGrafana = (await ask(config.GRAFANA_URL, '/api/health'))?.status === 200
  const noAlerts = hasGrafana ? undefined : `no Grafana at ${withoutLogin(config.GRAFANA_URL).href}`
  const { say, refresh } = createOutput({ config, servers, options })
  const { sightings, interruption } = await runScenario(scenario, {
    config,
    servers,
    seconds: options.for,
    noAlerts,
    signal,
    onBegin(expected) {
      say(`${scenario.name}: ${scenario.about}. Expected:\n${renderExpected(expected, terminalWidth())}\nSeen:`)
    },
    onSeen: (sighting) => say(renderSeen(sighting, terminalWidth())),
    onLook: refresh,
  })
  if (interruption === undefined) say(`\n${renderJudgement(scenario.name, sightings, terminalWidth())}`)
  else say(interruption)
  process.exitCode = interruption === undefined && areMet(sightings) ? exitCode.ok : exitCode.failure
}

/** Prints lines; with --watch below the status, which is drawn again every second, or printed every ten without a terminal. */
function createOutput({ config, servers, options }: Run) {
  if (options.watch === undefined) return { say: print, refresh: async () => {} }
  const redraw = createRedraw(process.stdout)
  const lines: string[] = []
  let status = ''
  let drawnAt = 0
  const draw = () => redraw([status, ...lines].join('\n'))
  return {
    say(text: string) {
      lines.push(text)
      if (!process.stdout.isTTY) print(text)
      else draw()
    },
    async refresh() {
      if (performance.now() - drawnAt < (process.stdout.isTTY ? 1000 : 10_000)) return
      drawnAt = performance.now()
      // While a server is away, the status before stays.
      status = await readStatus({ ...servers, config }).then(
        (read) => `${renderStatus(read, terminalWidth())}\n`,
        () => status,
      )
      if (process.stdout.isTTY) draw()
      else print(status)
    },
  }
}

/** All scenarios, each with what it does. */
export function renderList(width: number): string {
  const longest = Math.max(...scenarios.map(({ name }) => name.length))
  return scenarios.map(({ name, about }) => wrapped(name.padEnd(longest), about, width)).join('\n')
}

/** What is expected, and by when. */
export function renderExpected(sightings: readonly Sighting[], width: number): string {
  const lines = sightings.map(({ text, within, panel, unwatched }) => {
    const where =
      panel === undefined ? '' : ` (dashboard ${panel[0].replace(/^./, (first) => first.toUpperCase())}: ${panel[1]})`
    const note = unwatched === undefined ? where : ` (not watched: ${unwatched})`
    return wrapped(within === undefined ? 'afterwards' : `by ${within} s`.padEnd(10), text + note, width)
  })
  return lines.join('\n')
}

/** A signal that has just been seen. */
export function renderSeen({ text, after = 0, seen }: Sighting, width: number): string {
  return wrapped(`${Math.round(after)} s`.padStart(10), `${text}: ${seen}`, width)
}

/** What was expected and what was seen, and the verdict. */
export function renderJudgement(name: string, sightings: readonly Sighting[], width: number): string {
  const missed = sightings.filter(({ after, unwatched }) => after === undefined && unwatched === undefined).length
  const rows = sightings.map(({ text, after, unwatched }) => {
    if (unwatched !== undefined) return wrapped('-'.padEnd(10), `${text} (not watched: ${unwatched})`, width)
    return wrapped(after === undefined ? 'NOT SEEN  ' : `${Math.round(after)} s`.padEnd(10), text, width)
  })
  const verdict = missed === 0 ? 'all was seen, and the system is back' : `${missed} of ${sightings.length} not seen`
  return ['seen        expected', ...rows, wrapped(`${name}:`, verdict, width)].join('\n')
}

/** A text two spaces behind a label, broken into lines below each other. */
function wrapped(label: string, text: string, width: number): string {
  const indent = label.length + 2
  const lines = wrap(text.replaceAll(/\s+/g, ' '), width - indent)
  return `${label}  ${lines.replaceAll('\n', `\n${' '.repeat(indent)}`)}`
}
