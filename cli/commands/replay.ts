import { type Config, readConfig } from '../../pipeline/config.ts'
import { planRedrive, redrive, replay } from '../../pipeline/ingress/replay.ts'
import type { RedriveFilter, RedrivePlan, RedriveProgress } from '../../pipeline/ingress/replay.ts'
import { routeOf, routes as allRoutes } from '../../pipeline/route.ts'
import { selectStageOfDeath } from '../../sql/replays.ts'
import { countOf, formatCount, reasons } from '../../stages/refusal.ts'
import { UserError } from '../../telemetry/user-error.ts'
import { type CliCommand, exitCode, messageIds, pastTime, positiveWhole } from '../options.ts'
import { confirm, createRedraw, print, terminalWidth, untilInterrupted } from '../render/terminal.ts'
import { secondTime, tableLines, type Column } from '../render/text.ts'
import { serverMistake, withServers } from '../servers.ts'

interface Options {
  readonly from?: string
  readonly stage?: string
  readonly reason?: string
  readonly since?: Date
  readonly limit?: number
  readonly yes?: true
}

export function define(command: CliCommand): void {
  command
    .summary('send messages through again, from any stage')
    .description(
      'Sends messages once more to a stage, each as that stage got it, from the rows. It is a new attempt with rows, ' +
        'times and a trace of its own; what was there stays. Without --from a message begins where it died, or at ' +
        'the first stage when it did not. Prints a line for each that is sent.\n\n' +
        'Without ids it sends open dead letters, chosen by --stage, --reason and --since, the oldest first, to the stages ' +
        'that refused them. It shows how many there are and asks before it sends them. Those in replay, resolved or given ' +
        'up are not sent. Ctrl-C ends it after the messages that are being sent.',
    )
    .argument('[id...]', 'message ids: 32 hex digits, with or without dashes', messageIds)
    .option('-f, --from <stage>', 'of ids: the stage to begin at, by its name or position')
    .option('-s, --stage <stage>', 'dead letters of one stage, by its name or position')
    .option('-r, --reason <reason>', 'dead letters with one reason, such as stage-failed')
    .option('--since <time>', 'dead letters since then: 30m, 2h, 7d, or 2026-11-24T02:30Z', pastTime)
    .option('-n, --limit <n>', 'how many dead letters to send at most', positiveWhole)
    .option('-y, --yes', 'send dead letters without asking')
    .examples({
      'One that died, after its cause was fixed': 'npx throughline replay ID',
      'One that finished, from the average on': 'npx throughline replay ID --from average',
      'All that lcm failed on in two hours': 'npx throughline replay --stage lcm --reason stage-failed --since 2h',
    })
    .action(async (ids: readonly string[], options: Options) => {
      const config = readConfig()
      if (ids.length > 0) await replayIds(ids, config, options)
      else await redriveChosen(config, readFilter(config, options), options.yes === true)
    })
}

async function replayIds(ids: readonly string[], config: Config, { from, ...filter }: Options): Promise<void> {
  if (Object.keys(filter).length > 0)
    throw new UserError('With ids only --from may be given: the other options choose dead letters.')
  const given = from === undefined ? undefined : routeOf(config, from)
  await withServers(config, async ({ database, sender }) => {
    for (const id of ids) {
      const route = given ?? routeOf(config, (await selectStageOfDeath(database, id)) ?? '1')
      const attempt = await replay(id, route, { database, sender })
      print(`${id}  attempt ${attempt}, from ${route.stage.name}`)
    }
  })
}

/** @throws {UserError} when nothing is chosen, or what is not there */
function readFilter(config: Config, { from, stage, reason, since, limit }: Options): RedriveFilter {
  if (from !== undefined) throw new UserError('--from needs ids: dead letters begin at the stage that refused them.')
  if (stage === undefined && reason === undefined && since === undefined)
    throw new UserError('Which messages? Give their ids, or choose dead letters by --stage, --reason or --since.')
  if (reason !== undefined && !Object.hasOwn(reasons, reason))
    throw new UserError(`There is no reason "${reason}". The reasons are ${Object.keys(reasons).join(', ')}.`)
  return { stage: stage === undefined ? undefined : routeOf(config, stage).stage.name, reason, since, limit }
}

async function redriveChosen(config: Config, filter: RedriveFilter, isConfirmed: boolean): Promise<void> {
  const routes = new Map(allRoutes(config).map(({ stage: { name } }) => [name, routeOf(config, name)]))
  await withServers(config, async ({ database, sender }) => {
    const plan = await planRedrive(database, filter, routes)
    print(renderPlan(plan, terminalWidth()))
    if (plan.count === 0) return
    if (!isConfirmed && !process.stdin.isTTY) throw new UserError('Nothing was sent: without a terminal it needs --yes.')
    if (isConfirmed || (await confirm('Send them?'))) {
      await send(plan, config, { database, sender, routes })
      return
    }
    print('Nothing was sent.')
    process.exitCode = exitCode.failure
  })
}

/** @throws {UserError} when a server goes away, saying how many were sent */
async function send(plan: RedrivePlan, config: Config, servers: Parameters<typeof redrive>[1]): Promise<void> {
  const progress = { sent: 0, refused: [] }
  const signal = untilInterrupted()
  const redraw = createRedraw(process.stdout)
  const sentSoFar = () => `${formatCount(progress.sent)} of ${formatCount(plan.count)}`
  const onChunk = () => process.stdout.isTTY && redraw(`${sentSoFar()} sent`)
  await redrive(plan, servers, { progress, signal, onChunk }).catch((error: unknown) => {
    const rest = 'The same command, two minutes from now, sends the rest, and nothing twice.'
    throw serverMistake(error, config, `\n${sentSoFar()} were sent. ${rest}`) ?? error
  })
  const isInterrupted = signal.aborted && progress.sent + progress.refused.length < plan.count
  print(renderRedriven(plan, progress, isInterrupted))
  if (isInterrupted || progress.refused.length > 0) process.exitCode = exitCode.failure
}

const columns: readonly Column<RedrivePlan['groups'][number]>[] = [
  { title: 'messages', align: 'right', cell: ({ count }) => formatCount(count) },
  { title: 'stage', cell: ({ stage }) => stage },
  { title: 'reason', shrinks: true, cell: ({ reason }) => reason },
]

/** What a redrive would send, and what it leaves out. */
export function renderPlan(plan: RedrivePlan, width: number): string {
  const { count, groups, from, until, isLimitReached, inReplay, withoutStage } = plan
  const lines = [
    ...(count === 0
      ? ['No open dead letter matches.']
      : [
          `${countOf(count, 'message')}, dead from ${secondTime(from)} to ${secondTime(until)}:`,
          ...tableLines(columns, groups, width),
        ]),
    isLimitReached && '--limit is reached: there may be more.',
    inReplay > 0 && `${formatCount(inReplay)} in replay already: not sent again.`,
    withoutStage > 0 && `${formatCount(withoutStage)} of stages that the pipeline no longer has: not sent.`,
  ]
  return lines.filter(Boolean).join('\n')
}

/** What became of a redrive that has ended or was interrupted. */
export function renderRedriven({ count }: RedrivePlan, { sent, refused }: RedriveProgress, isInterrupted: boolean): string {
  const rest = count - sent - refused.length
  const lines = [`${formatCount(sent)} of ${countOf(count, 'message')} sent.`]
  if (isInterrupted) lines.push('Interrupted: the same command sends the rest.')
  else if (rest > 0) lines.push(`${formatCount(rest)} not sent, because they are not open any more.`)
  if (refused.length > 0) lines.push('Refused by the broker for their size:', ...refused)
  return lines.join('\n')
}
