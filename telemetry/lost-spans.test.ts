import { expect, test } from 'vitest'
import type { Log } from '../pipeline/log.ts'
import { createLostSpans } from './lost-spans.ts'

/** What is logged of spans that are lost at these seconds, so many each time. */
function said(losses: readonly (readonly [second: number, spans: number])[]): string[] {
  const lines: string[] = []
  const log = { warn: (line: string) => lines.push(line) } as unknown as Log
  let second = 0
  {
    using lost = createLostSpans(log, () => second * 1000)
    for (const [at, spans] of losses) {
      second = at
      lost.add(spans)
    }
  }
  return lines.map((line) => /^\d+ span\(s\) (lost|were lost in all)/.exec(line)?.[0] ?? line)
}

test('a backend that is away is said at once, then once a minute, and at the end in all', () => {
  expect(
    said([
      [0, 100],
      [1, 20],
      [59, 3],
      [61, 4],
      [62, 5],
    ]),
  ).toEqual(['100 span(s) lost', '27 span(s) lost', '132 span(s) were lost in all'])
})

test('nothing lost, nothing said', () => {
  expect(said([[0, 0]])).toEqual([])
})
