import type { Command } from 'commander'
import { readConfig } from '../pipeline/config.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { examples } from './examples.ts'
import { print } from './output.ts'
import { letIn } from './let-in.ts'
import { readInput } from './read-input.ts'
import { splitInput } from './split-input.ts'
import { withWayIn } from './way-in.ts'

export function addSubmit(program: Command): void {
  program
    .command('submit')
    .summary('let your own messages in')
    .description(
      'Lets messages into the pipeline: one JSON object, or a file or standard input with one a line. All of ' +
        'it is checked before anything is sent. Prints the id of each message that is in, one a line, in order.',
    )
    .argument('[json]', 'a JSON object; standard input is read when neither this nor --file is given')
    .option('-f, --file <path>', 'read JSON lines, or one JSON object, from a file')
    .addHelpText(
      'after',
      examples(
        [
          'One message, followed to its end',
          `npx throughline follow $(npx throughline submit '{"numbers":[1.5,2.5]}')`,
        ],
        ['A file with one JSON object a line', 'npx throughline submit --file numbers.jsonl'],
        ['What another program makes', `seq 5 | jq -c '{numbers: [., 10]}' | npx throughline submit`],
      ),
    )
    .action(async (json: string | undefined, { file }: { file?: string }) => {
      const config = readConfig()
      const { text, name } = await readInput({ json, file })
      const bodies = splitInput(text, name, kafkaSettings(config, 'throughline').maxRecordBytes)
      await withWayIn(config, async (way) => {
        for await (const ids of letIn(bodies, way)) print(ids.join('\n'))
      })
    })
}
