import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { readConfig } from '../pipeline/config.ts'
import type { Database } from '../sql/database.ts'
import { examples } from './examples.ts'
import { exitCode } from './exit-code.ts'
import { messageJson } from './render/message-json.ts'
import { messageId, seconds } from './option-parsers.ts'
import { look, print, printJson } from './output.ts'
import { readMessage, type MessageHistory } from '../sql/read-message.ts'
import { renderMessage } from './render/render-message.ts'
import { withDatabase } from './with-database.ts'

export function addFollow(program: Command): void {
  program
    .command('follow')
    .summary('what happened to one message')
    .description(
      'Waits until a message has finished or is a dead letter, then shows what every stage made of it and ' +
        'how long it waited, worked, saved and published there, drawn to scale. All attempts are shown. ' +
        'Exits with 0 only when the message has finished.',
    )
    .argument('<id>', 'message id: 32 hex digits, with or without dashes', messageId)
    .option('-t, --timeout <seconds>', 'how long to wait; 0 only looks', seconds, 30)
    .option('--json', 'print exact values: every digit, times to the microsecond')
    .addHelpText(
      'after',
      examples(
        ['A message that is on its way', 'npx throughline follow 019ab2c4d5e67f8091a2b3c4d5e6f708'],
        [
          'Only whether it has finished by now',
          "npx throughline follow ID --timeout 0 --json | jq -r '.attempts[-1].state'",
        ],
      ),
    )
    .action(async (id: string, options: { timeout: number; json?: true }) => {
      const history = await withDatabase(readConfig(), (database) =>
        waitForEnd(database, id, options.timeout),
      )
      const complaint = complaintAbout(history, options.timeout)
      if (options.json) printJson(messageJson(history))
      else if (history.attempts.length > 0) print(renderMessage(history, look().width))
      if (complaint !== undefined) process.stderr.write(`${complaint}\n`)
      process.exitCode = history.attempts.at(-1)?.state === 'finished' ? exitCode.fine : exitCode.bad
    })
}

const POLL_MS = 200

async function waitForEnd(database: Database, id: string, timeoutSeconds: number): Promise<MessageHistory> {
  const deadline = performance.now() + timeoutSeconds * 1000
  for (;;) {
    const history = await readMessage(database, id)
    const last = history.attempts.at(-1)
    const left = deadline - performance.now()
    if ((last !== undefined && last.state !== 'in flight') || left <= 0) return history
    await pause(Math.min(POLL_MS, left))
  }
}

/** Why there is no end to show; undefined when there is one. */
export function complaintAbout(
  { id, enteredFor, attempts }: MessageHistory,
  timeout: number,
): string | undefined {
  const last = attempts.at(-1)
  if (last !== undefined) {
    return last.state === 'in flight'
      ? `It has not finished within ${timeout} s: \`npx throughline status\` shows what waits.`
      : undefined
  }
  return enteredFor === null
    ? `Nobody has seen a message ${id} within ${timeout} s.`
    : `Message ${id} was let in for ${enteredFor}, which has not taken it within ${timeout} s: is \`npx throughline run ${enteredFor}\` running?`
}
