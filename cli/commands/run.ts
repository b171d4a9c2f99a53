import { readConfig } from '../../pipeline/config.ts'
import { routeOf } from '../../pipeline/route.ts'
import { runStageProcess } from '../../pipeline/stage-process.ts'
import type { CliCommand } from '../options.ts'
import { pipelineProcess } from '../pipeline-process.ts'

export function define(command: CliCommand): void {
  command
    .summary('run one stage until it is told to stop')
    .description(
      'Runs one stage: consumes messages from its topic, adds its result, saves it, sends the message on. ' +
        'It waits for servers that are away, and ends within 10 s of SIGTERM or Ctrl-C.',
    )
    .argument('[stage]', 'name or position of the stage; OPERATION_TYPE or STAGE_NUMBER by default')
    .examples({
      'The stage that multiplies': 'npx throughline run multiply',
      'The same by its position': 'STAGE_NUMBER=2 npx throughline run',
    })
    .action(async (name?: string) => {
      const config = readConfig()
      const route = routeOf(config, name)
      const { stage, position } = route
      const process = { stage: stage.name, position, external: stage.external }
      await pipelineProcess(config, process, (context, stopping) => runStageProcess(context, route, stopping))
    })
}
