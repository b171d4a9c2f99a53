import type { Command } from 'commander'
import { readConfig } from '../pipeline/config.ts'
import { runGeneratorProcess } from '../pipeline/generator-process.ts'
import { examples } from './examples.ts'
import { positiveWhole } from './option-parsers.ts'
import { pipelineProcess } from './pipeline-process.ts'

export function addGenerator(program: Command): void {
  program
    .command('generator')
    .summary('let messages with random numbers in')
    .description(
      'Lets messages with random numbers into the pipeline: in bursts with pauses between (MESSAGE_MIN/MAX, ' +
        'SLEEP_MIN/MAX), at a steady RATE a second, or a given number at once. What the numbers are like is ' +
        'said by COUNT_MIN/MAX, NUMBERS_MIN/MAX and NUMBERS_DECIMALS. It waits for servers that are away.',
    )
    .option('-n, --messages <n>', 'let this many in without pauses, then end', positiveWhole)
    .addHelpText(
      'after',
      examples(
        ['A thousand messages at once', 'npx throughline generator --messages 1000'],
        ['Fifty a second until Ctrl-C', 'RATE=50 npx throughline generator'],
      ),
    )
    .action(async ({ messages }: { messages?: number }) => {
      await pipelineProcess(readConfig(), { stage: 'generator', position: 0 }, (context, stopping) =>
        runGeneratorProcess(context, stopping, messages),
      )
    })
}
