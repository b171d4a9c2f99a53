import { expect, test } from 'vitest'
import { runStage, type Collaborators } from './run-stage.ts'
import type { Saved } from './save.ts'

const nothing: Saved = { results: [], deadLetters: [], redelivered: new Set(), copies: [] }

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
      return { ...nothing, results: [], endedAt: 0 }
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
