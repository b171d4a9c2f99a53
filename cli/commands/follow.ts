import { readConfig } from '../../pipeline/config.ts'
import type { Database } from '../../sql/database.ts'
import { readMessage, type MessageHistory } from '../../sql/read-message.ts'
import { waitUntil } from '../../telemetry/wait-until.ts'
import { type CliCommand, exitCode, messageId, seconds } from '../options.ts'
import { messageJson, renderMessage, renderUnfinished } from '../render/render-message.ts'
import { print, printJson, terminalWidth } from '../render/terminal.ts'
import { withDatabase } from '../servers.ts'

export function define(command: CliCommand): void {
  command
    .summary('what happened to one message')
    .description(
      'Waits until a message has finished or is a dead letter, then shows the result of every stage and ' +
        'how long it waited, worked, saved and published there, drawn to scale. All attempts are shown. ' +
        'Exits with 0 only when the message has finished.',
    )
    .argument('<id>', 'message id: 32 hex digits, with or without dashes', messageId)
    .option('-t, --timeout <seconds>', 'how long to wait; 0 does not wait', seconds, 30)
    .option('--json', 'print exact values: every digit, times to the microsecond')
    .examples({
      'A message that is on its way': 'npx throughline follow 019ab2c4d5e67f8091a2b3c4d5e6f708',
      'Only whether it has finished by now': "npx throughline follow ID --timeout 0 --json | jq -r '.attempts[-1].state'",
    })
    .action(async (id: string, { timeout, json }: { timeout: number; json?: true }) => {
      const history = await withDatabase(readConfig(), (database) => waitForEnd(database, id, timeout))
      if (json) printJson(messageJson(history))
      else if (history.attempts.length > 0) print(renderMessage(history, terminalWidth()))
      const complaint = renderUnfinished(history, timeout)
      if (complaint !== undefined) process.stderr.write(`${complaint}\n`)
      process.exitCode = history.attempts.at(-1)?.state === 'finished' ? exitCode.ok : exitCode.failure
    })
}

/** The history once its latest attempt has ended, or after so many seconds. */
async function waitForEnd(database: Database, id: string, timeoutSeconds: number): Promise<MessageHistory> {
  const deadline = performance.now() + timeoutSeconds * 1000
  const read = async () => {
    const history = await readMessage(database, id)
    const state = history.attempts.at(-1)?.state ?? 'in flight'
    return state !== 'in flight' || performance.now() >= deadline ? history : undefined
  }
  return await waitUntil(`The end of message ${id}`, read, { timeoutMs: Infinity, everyMs: 200 })
}
