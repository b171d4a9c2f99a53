import { readConfig } from '../../pipeline/config.ts'
import { runGeneratorProcess } from '../../pipeline/ingress/generator.ts'
import { type CliCommand, positiveWhole } from '../options.ts'
import { pipelineProcess } from '../pipeline-process.ts'

export function define(command: CliCommand): void {
  command
    .summary('generate messages with random numbers')
    .description(
      'Sends messages with random numbers into the pipeline: in bursts with pauses between (MESSAGE_MIN/MAX, ' +
        'SLEEP_MIN/MAX), at a steady RATE a second, or a given number at once. COUNT_MIN/MAX, NUMBERS_MIN/MAX and ' +
        'NUMBERS_DECIMALS say what the numbers are like. It waits for servers that are away.',
    )
    .option('-n, --messages <n>', 'send this many without pauses, then end', positiveWhole)
    .examples({
      'A thousand messages at once': 'npx throughline generator --messages 1000',
      'Fifty a second until Ctrl-C': 'RATE=50 npx throughline generator',
    })
    .action(async ({ messages }: { messages?: number }) => {
      await pipelineProcess(readConfig(), { stage: 'generator', position: 0 }, (context, stopping) =>
        runGeneratorProcess(context, stopping, messages),
      )
    })
}
