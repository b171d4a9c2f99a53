import { readConfig } from '../../pipeline/config.ts'
import { replay } from '../../pipeline/replay.ts'
import { routeOf } from '../../pipeline/route.ts'
import { selectStageOfDeath } from '../../sql/replays.ts'
import { type CliCommand, messageIds } from '../options.ts'
import { print } from '../render/terminal.ts'
import { withServers } from '../servers.ts'

export function define(command: CliCommand): void {
  command
    .summary('send messages through again, from any stage')
    .description(
      'Sends messages once more to a stage, each as that stage got it, from the rows. It is a new attempt with rows, ' +
        'times and a trace of its own; what was there stays. Without --from a message begins where it died, or at ' +
        'the first stage when it did not. Prints a line for each that is sent.',
    )
    .argument('<id...>', 'message ids: 32 hex digits, with or without dashes', messageIds)
    .option('-f, --from <stage>', 'the stage to begin at, by its name or position')
    .examples({
      'One that died, after its cause was fixed': 'npx throughline replay ID',
      'One that finished, from the average on': 'npx throughline replay ID --from average',
      'The latest that lcm had no answer to': 'npx throughline replay $(npx throughline dead-letters -s lcm --ids)',
    })
    .action(async (ids: readonly string[], { from }: { from?: string }) => {
      const config = readConfig()
      const given = from === undefined ? undefined : routeOf(config, from)
      await withServers(config, async ({ database, sender }) => {
        for (const id of ids) {
          const route = given ?? routeOf(config, (await selectStageOfDeath(database, id)) ?? '1')
          const attempt = await replay(id, route, { database, sender })
          print(`${id}  attempt ${attempt}, from ${route.stage.name}`)
        }
      })
    })
}
