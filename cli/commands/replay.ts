import { type Config, readConfig } from '../../pipeline/config.ts'
import { planRedrive, redrive, replay, type RedriveFilter, type RedrivePlan } from '../../pipeline/ingress/replay.ts'
import { routeOf, routes as allRoutes } from '../../pipeline/route.ts'
import { selectStageOfDeath } from '../../sql/replays.ts'
import { formatCount, reasons } from '../../stages/refusal.ts'
import { UserError } from '../../telemetry/user-error.ts'
import { type CliCommand, exitCode, messageIds, pastTime, positiveWhole } from '../options.ts'
import { renderPlan, renderRedriven } from '../render/render-replay.ts'
import { confirm, createRedraw, print, terminalWidth } from '../render/terminal.ts'
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
    .action(async (ids: readonly string[], { from, yes, ...filter }: Options) => {
      const config = readConfig()
      if (ids.length > 0) await replayIds(ids, config, { from, hasFilter: yes === true || Object.keys(filter).length > 0 })
      else await redriveChosen(config, readFilter(config, from, filter), yes === true)
    })
}

async function replayIds(
  ids: readonly string[],
  config: Config,
  { from, hasFilter }: { from: string | undefined; hasFilter: boolean },
): Promise<void> {
  if (hasFilter) throw new UserError('With ids only --from may be given: the other options choose dead letters.')
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
function readFilter(config: Config, from: string | undefined, { stage, reason, since, limit }: Options): RedriveFilter {
  if (from !== undefined) throw new UserError('--from needs ids: dead letters begin at the stage that refused them.')
  if (stage === undefined && reason === undefined && since === undefined) {
    throw new UserError('Which messages? Give their ids, or choose dead letters by --stage, --reason or --since.')
  }
  if (reason !== undefined && !Object.hasOwn(reasons, reason)) {
    throw new UserError(`There is no reason "${reason}". The reasons are ${Object.keys(reasons).join(', ')}.`)
  }
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
  const interrupted = new AbortController()
  const { signal } = interrupted
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort())
  const redraw = createRedraw(process.stdout)
  const onChunk = () => process.stdout.isTTY && redraw(`${formatCount(progress.sent)} of ${formatCount(plan.count)} sent`)
  await redrive(plan, servers, { progress, signal, onChunk }).catch((cause: unknown) => {
    const mistake = serverMistake(cause, config)
    if (mistake === undefined) throw cause
    const text = `${mistake.message}\n${formatCount(progress.sent)} of ${formatCount(plan.count)} were sent. The same command, two minutes from now, sends the rest, and nothing twice.`
    throw new UserError(text, { cause })
  })
  const isInterrupted = signal.aborted && progress.sent + progress.refused.length < plan.count
  print(renderRedriven(plan, progress, isInterrupted))
  if (isInterrupted || progress.refused.length > 0) process.exitCode = exitCode.failure
}
