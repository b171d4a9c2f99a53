import { expect, test } from 'vitest'
import { readMessage } from './message.ts'
import { runStage, type Collaborators } from './run-stage.ts'
import type { Saved } from './save.ts'

const nothing: Saved = { results: [], deadLetters: [], redelivered: new Set(), copies: [] }
const sendTimes = { acknowledgedAt: 0, lettersSentAt: 0, lettersAcknowledgedAt: 0 }

/** Collaborators that write down when they begin and end; the named one fails. */
function recorded(failing?: string) {
  const events: string[] = []
  const step = async (name: string) => {
    events.push(`${name} begins`)
    await Promise.resolve()
    if (name === failing) throw new Error(`${name} failed`)
    events.push(`${name} ends`)
  }
  const collaborators: Collaborators = {
    compute: () => {
      throw new Error('There is nothing to compute')
    },
    save: async () => {
      await step('save')
      return nothing
    },
    publish: async () => {
      await step('publish')
      return { ...nothing, ...sendTimes, results: [] }
    },
    commit: () => step('commit'),
  }
  return { events, collaborators }
}

test('saves, then publishes, then commits, each after the one before has ended', async () => {
  const { events, collaborators } = recorded()
  await runStage([], collaborators)
  expect(events).toEqual([
    'save begins',
    'save ends',
    'publish begins',
    'publish ends',
    'commit begins',
    'commit ends',
  ])
})

test('publishes nothing that is not saved', async () => {
  const { events, collaborators } = recorded('save')
  await expect(runStage([], collaborators)).rejects.toThrow('save failed')
  expect(events).toEqual(['save begins'])
})

test('commits nothing that is not published', async () => {
  const { events, collaborators } = recorded('publish')
  await expect(runStage([], collaborators)).rejects.toThrow('publish failed')
  expect(events).toEqual(['save begins', 'save ends', 'publish begins'])
})

const message = readMessage('start', 0, {
  key: null,
  value: Buffer.from('{}'),
  timestamp: '1700000000000',
  offset: '0',
  attributes: 0,
  headers: {},
})

/** How many of so many messages are done at once, when each computes for so long and makes a body of so many characters. */
async function doneAtOnce(messages: number, ms: number, characters: number): Promise<number> {
  let done = 0
  const { collaborators } = recorded()
  const compute = () => {
    const times = { startedAt: 0, computedAt: 0, skewMs: 0 }
    for (const end = performance.now() + ms; performance.now() < end;);
    return { message, subject: undefined, result: '', body: ' '.repeat(characters), ...times }
  }
  const commit = (count: number) => {
    done = count
    return Promise.resolve()
  }
  await runStage(
    Array.from({ length: messages }, () => message),
    { ...collaborators, compute, commit },
  )
  return done
}

test('takes a whole batch when it is small and quick, and of a large one as much as is good for the heap', async () => {
  expect(await doneAtOnce(500, 0, 200)).toBe(500)
  expect(await doneAtOnce(1000, 0, 200)).toBe(500)
})

test('takes no more than it can do in a moment, so that a group never waits for it', async () => {
  const done = await doneAtOnce(100, 100, 10)
  expect(done).toBeGreaterThan(0)
  expect(done).toBeLessThan(15)
})

test('takes no more than fits into memory, however small the messages were', async () => {
  expect(await doneAtOnce(1000, 0, 100_000)).toBeLessThan(25)
})

test('takes at least one, however long it takes', async () => {
  expect(await doneAtOnce(2, 1100, 3_000_000)).toBe(1)
})
