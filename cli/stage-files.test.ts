import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { finish, pipeline } from '../stages/index.ts'
import { UserError } from '../telemetry/user-error.ts'
import { readProjectFile } from '../test/compose/compose-file.ts'
import { type Change, changesFor, newStage, type NewStage } from './stage-files.ts'

const read = (path: string) => (existsSync(join(import.meta.dirname, '..', path)) ? readProjectFile(path) : undefined)
const textOf = (changes: readonly Change[], path: string) => changes.find((change) => change.path === path)?.text ?? ''

const first = pipeline[0]
const second = pipeline[1]
const paths = [
  'stages/moving-average-3.ts',
  'deploy/kubernetes/stages/moving-average-3/kustomization.yaml',
  'stages/index.ts',
  'docker-compose.yml',
  'compose.azure.yml',
  'deploy/kubernetes/processes/kustomization.yaml',
  'deploy/kubernetes/components/keda/scaled-objects.yaml',
  'deploy/azure/hubs.bicep',
]

describe('a stage between two others', () => {
  const stage = newStage('moving-average-3', first)
  const changes = changesFor(stage, read)

  test('reads a topic of its own name, and writes what the next one reads', () => {
    const identifier = 'movingAverage3'
    const topics = { reads: 'moving-average-3', writes: second?.reads }
    expect(stage).toEqual({ name: 'moving-average-3', identifier, ...topics, previous: first })
  })

  test('is written to every file that names each stage, and each file keeps all of its own lines', () => {
    expect(changes.map(({ path }) => path)).toEqual(paths)
    for (const { path, isNewFile, text, addedLines } of changes) {
      expect(isNewFile).toBe(read(path) === undefined)
      const blocks = path === 'stages/index.ts' ? addedLines : [addedLines.join('\n')]
      const rest = blocks.reduce((remaining, block) => remaining.replace(`${block}\n`, ''), text)
      expect(rest).toBe(read(path) ?? '')
      expect(rest.length).toBeLessThan(text.length)
    }
  })

  test.each([
    ['stages/index.ts', `  ${first?.name},\n  movingAverage3,\n`],
    [
      'docker-compose.yml',
      `[run, ${first?.name}]\n  moving-average-3:\n    <<: *stage\n    command: [run, moving-average-3]\n`,
    ],
    ['compose.azure.yml', `  ${first?.name}: *process\n  moving-average-3: *process\n`],
    ['deploy/kubernetes/processes/kustomization.yaml', `stages/${first?.name}\n  - ../stages/moving-average-3\n`],
    ['deploy/kubernetes/components/keda/scaled-objects.yaml', `stage="${first?.name}"})' } }]\n  - apiVersion: keda`],
    ['deploy/azure/hubs.bicep', `  '${first?.reads}'\n  'moving-average-3'\n`],
  ])('in %s it follows the stage before', (path, text) => {
    expect(textOf(changes, path)).toContain(text)
  })
})

test('without --after a stage is the last one, and writes to the last topic', () => {
  const stage = newStage('largest')
  expect(stage).toMatchObject({ reads: 'largest', writes: finish, previous: pipeline.at(-1) })
  const changes = changesFor(stage, read)
  expect(textOf(changes, 'stages/index.ts')).toMatch(/^ {2}largest,\n {2}\/\/ your stage here\n\]/m)
  expect(textOf(changes, 'deploy/azure/hubs.bicep')).toContain(`  'largest'\n  '${finish}'\n`)
})

test('the import has its place in the order of files', () => {
  const places = ['a', 'zero'].map((name) => textOf(changesFor(newStage(name), read), 'stages/index.ts'))
  expect(places[0]).toMatch(/^import \{ a \} from '\.\/a\.ts'\nimport/)
  expect(places[1]).toMatch(/^import .*\nimport \{ zero \} from '\.\/zero\.ts'\n\n/m)
})

const emptyCatalogue = `import type { Stage } from './stage.ts'

export const pipeline: readonly Stage[] = [
  // your stage here
]
`
const only: NewStage = { name: 'only', identifier: 'only', reads: 'start', writes: 'finish', previous: undefined }

test('the first stage of an empty catalogue is at the beginning of each list; what a fork has deleted is left out', () => {
  const files = new Map([
    ['stages/index.ts', emptyCatalogue],
    ['docker-compose.yml', 'services:\n\n  generator:\n    x: 1\n'],
  ])
  const changes = changesFor(only, (path) => files.get(path))
  expect(changes.map(({ path }) => path)).toEqual(['stages/only.ts', 'stages/index.ts', 'docker-compose.yml'])
  expect(textOf(changes, 'stages/index.ts')).toBe(
    emptyCatalogue.replace('import', "import { only } from './only.ts'\nimport").replace('  // your', '  only,\n  // your'),
  )
  expect(textOf(changes, 'docker-compose.yml')).toMatch(
    /^services:\n {2}only:\n {4}<<: \*stage\n.*only\]\n\n {2}generator:/,
  )
})

test('a list in another form is not guessed', () => {
  const inOneLine = emptyCatalogue.replace(/\[\n.*\n\]/, '[]')
  expect(() => changesFor(only, (path) => (path === 'stages/index.ts' ? inOneLine : undefined))).toThrow(
    new UserError(
      'stages/index.ts has no line `export const pipeline: readonly Stage[] = [` to put the stage behind. Nothing was written.',
    ),
  )
})

test.each([
  ['Foo', 'is no name of a stage'],
  ['a_b', 'is no name of a stage'],
  ['-a', 'is no name of a stage'],
  ['a--b', 'is no name of a stage'],
  ['', 'is no name of a stage'],
  ['../x', 'is no name of a stage'],
  ['x'.repeat(41), 'at most 40 characters'],
  [String(first?.name), 'There is a stage'],
  [String(first?.adds), 'already'],
  ['numbers', 'is in every body already'],
  ['start', 'There is a topic start already'],
  ['dead-letter', 'There is a topic dead-letter already'],
  ['finish', 'There is a topic finish already'],
  ['stage7', 'has another meaning'],
  ['tracer', 'has another meaning'],
  ['input-field', 'has another meaning'],
  ['delete', 'is a word of JavaScript'],
  ['eval', 'is a word of JavaScript'],
])('%s cannot be a stage', (name, sentence) => {
  expect(() => newStage(name)).toThrow(UserError)
  expect(() => newStage(name)).toThrow(sentence)
})

test.each([
  ['index', 'stages/index.ts is there already'],
  ['body', 'stages/body.ts is there already'],
  ['kafka', 'docker-compose.yml has a service kafka already'],
])('the name %s is taken', (name, sentence) => {
  expect(() => changesFor(newStage(name), read)).toThrow(sentence)
})
