import { type Config, isGiven, readConfig } from '../../pipeline/config.ts'
import { checkBefore, judgeNode } from '../doctor/checks-before.ts'
import { checkKafka } from '../doctor/checks-kafka.ts'
import { checkObservability } from '../doctor/checks-observability.ts'
import { checkPostgres } from '../doctor/checks-postgres.ts'
import { pass, type Finding } from '../doctor/finding.ts'
import { type CliCommand, exitCode } from '../options.ts'
import { print, printJson, terminalWidth } from '../render/terminal.ts'
import { wrap } from '../render/text.ts'

export function define(command: CliCommand): void {
  command
    .summary('check what the pipeline needs, and say what to do')
    .description(
      'Where neither Kafka nor Postgres answers, checks what a start needs: Docker or Java, ports, memory, disk. On a ' +
        'running system, checks migrations, topics and their settings, replication, consumer groups, partitions, clocks, ' +
        'Prometheus, Grafana, the alert receiver, and whether a trace arrives. It makes and removes a topic, exports ' +
        'one span, and changes nothing else. Exits with 1 when a check fails; a warning is no failure.',
    )
    .option('--json', 'print a list of {check, status, message, remedy}; status is pass, warning or failure')
    .examples({
      'Before the first start, or when something is odd': 'npx throughline doctor',
      'What is wrong, for a program': `npx throughline doctor --json | jq '.[] | select(.status == "failure")'`,
    })
    .action(async ({ json }: { json?: true }) => {
      const findings: Finding[] = []
      for await (const finding of examine(readConfig())) {
        findings.push(finding)
        if (!json) print(renderFinding(finding, terminalWidth()))
      }
      if (json) printJson(findings)
      else print(renderTotals(findings))
      process.exitCode = findings.some(({ status }) => status === 'failure') ? exitCode.failure : exitCode.ok
    })
}

export interface ExamineOptions {
  /** The time of this machine, in milliseconds since the epoch. */
  readonly clock?: () => number
  /** Milliseconds to wait for a trace in Tempo, and for a sample of the monitor. */
  readonly timeoutMs?: number
}

/** All checks that apply here, in the order of the flow of causes: machine, servers, what observes them. */
export async function* examine(
  config: Config,
  { clock = Date.now, timeoutMs = 10_000 }: ExamineOptions = {},
): AsyncGenerator<Finding> {
  yield judgeNode(process.versions.node)
  const servers = await Promise.all([checkKafka(config, clock), checkPostgres(config, { clock, timeoutMs })])
  const [kafka, postgres] = servers
  // A server whose address is set is not started here.
  const areElsewhere = [isGiven('BOOTSTRAP_SERVERS'), isGiven('DB_HOST') || isGiven('DATABASE_URL')]
  const missing = (['Kafka', 'Postgres'] as const).filter((_, index) => !servers[index]?.isThere && !areElsewhere[index])
  const isRunning = kafka.isThere || postgres.isThere || areElsewhere.every(Boolean)
  if (!isRunning) yield pass('system', 'Neither Kafka nor Postgres answers, so this checks what a start needs')
  if (missing.length > 0) yield* await checkBefore(config, missing)
  const observing = isRunning ? checkObservability(config, timeoutMs) : Promise.resolve([])
  for (const [index, { findings }] of servers.entries()) if (isRunning || areElsewhere[index]) yield* findings
  yield* await observing
}

const signs = { pass: '✓', warning: '!', failure: '✗' } as const

/** A line for a check: its sign, its name, what was found, and what to do. Wrapped below itself at `width` characters. */
export function renderFinding({ check, status, message, remedy }: Finding, width: number): string {
  const text = `${check}: ${message}${remedy === null ? '' : `: ${remedy}`}.`
  const indented = wrap(text, width - 2).replaceAll('\n', '\n  ')
  return `${signs[status]} ${indented}`
}

/** "12 checks: 11 passed, 1 warning, no failure." */
export function renderTotals(findings: readonly Finding[]): string {
  const count = (status: Finding['status']) => findings.filter((finding) => finding.status === status).length
  const counted = (number: number, noun: string) => `${number === 0 ? 'no' : number} ${noun}${number > 1 ? 's' : ''}`
  const problems = `${counted(count('warning'), 'warning')}, ${counted(count('failure'), 'failure')}`
  return `${counted(findings.length, 'check')}: ${count('pass')} passed, ${problems}.`
}
