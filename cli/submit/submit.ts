import { randomInt } from 'node:crypto'
import type { Command } from 'commander'
import type { Admin } from 'kafkajs'
import { chunksOf } from '../../pipeline/chunks.ts'
import { readConfig, type Config } from '../../pipeline/config.ts'
import { newInput } from '../../pipeline/generate.ts'
import { openEntry } from '../../pipeline/generator-process.ts'
import { enter } from '../../pipeline/inputs.ts'
import { kafkaSettings } from '../../pipeline/kafka-settings.ts'
import { createLog } from '../../pipeline/log.ts'
import type { Observer } from '../../pipeline/observer.ts'
import { withTracing } from '../../telemetry/with-tracing.ts'
import { examples } from '../examples.ts'
import { print } from '../output.ts'
import { readInput } from './read-input.ts'
import { splitInput } from './split-input.ts'
import { withDatabase } from '../with-database.ts'
import { withKafka } from '../with-kafka.ts'

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
      await withDatabase(config, (database) =>
        withKafka(config, async (admin) => {
          // Both servers are asked before the outbox has a row: what is in it is sent some day, also after an error.
          await database.query('select from inputs limit 0')
          const tracing = { service: 'submit', protocol: config.OTEL_EXPORTER_OTLP_PROTOCOL, isEntry: true }
          await withTracing(tracing, (observer) => submit(bodies, config, admin, observer))
        }),
      )
    })
}

const MAX_CHUNK_BYTES = 524_288

async function submit(
  bodies: readonly string[],
  config: Config,
  admin: Admin,
  observer: Observer,
): Promise<void> {
  const entry = openEntry({ config, log: createLog('silent', {}), observer })
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [entry.topic] })
    const partitions = topics[0]?.partitions.length ?? 1
    let partition = randomInt(partitions)
    for (const chunk of chunksOf(bodies, (body) => body.length, MAX_CHUNK_BYTES)) {
      const inputs = chunk.map((body) => newInput(body, partition++ % partitions))
      await enter(inputs, entry)
      print(inputs.map(({ id }) => id).join('\n'))
    }
  } finally {
    await entry.close()
  }
}
