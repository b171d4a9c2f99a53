import { expect, test } from 'vitest'
import { deadLetter, message } from '../test/support/data/outcomes.fixture.ts'
import type { DeadLetter } from '../sql/outcome.ts'
import { logDeadLetters } from './stage-process.ts'
import type { Log } from '../telemetry/log.ts'

function logged(letters: readonly DeadLetter[]) {
  const lines: [level: string, fields: object, text: string][] = []
  const at = (level: string) => (fields: object, text: string) => void lines.push([level, fields, text])
  logDeadLetters(letters, { warn: at('warn'), debug: at('debug') } as unknown as Log)
  return lines
}

test('many dead letters are one line for each reason, with their number and the first one; the others are at level debug', () => {
  const [first, second, third] = [message(1), message(2), message(3)]
  const lines = logged([
    deadLetter(first),
    { ...deadLetter(second), reason: 'empty', explanation: 'nothing there' },
    deadLetter(third),
  ])
  expect(lines).toEqual([
    [
      'warn',
      { messageId: first.id, traceId: first.id, offset: '1', reason: 'not-json', count: 2 },
      'Dead letter: no (and 1 more of this batch: not-json)',
    ],
    ['debug', { messageId: third.id, traceId: third.id, offset: '3', reason: 'not-json' }, 'Dead letter: no'],
    [
      'warn',
      { messageId: second.id, traceId: second.id, offset: '2', reason: 'empty', count: 1 },
      'Dead letter: nothing there',
    ],
  ])
})
