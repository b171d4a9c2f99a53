import { expect, test } from 'vitest'
import { readConfig } from './config.ts'
import { monitoredGroups, routeOf, routes, topicPlan } from './route.ts'

const config = readConfig({})

test('each stage writes what the next one reads, the last to finish', () => {
  const flow = routes(config).map(({ position, stage, source, target }) => [position, stage.name, source, target])
  expect(flow).toEqual([
    [1, 'add', 'start', 'stage2'],
    [2, 'multiply', 'stage2', 'stage3'],
    [3, 'lcm', 'stage3', 'stage4'],
    [4, 'average', 'stage4', 'stage5'],
    [5, 'sine', 'stage5', 'stage6'],
    [6, 'square-root', 'stage6', 'finish'],
  ])
})

test.each([
  [{}, 'lcm'],
  [{ OPERATION_TYPE: 'lcm' }, undefined],
  [{ STAGE_NUMBER: 'stage3' }, undefined],
  [{ STAGE_NUMBER: '3' }, undefined],
])('a stage is found by %o and the argument %s', (env, name) => {
  expect(routeOf(readConfig(env), name).stage.name).toBe('lcm')
})

test('the seed’s topic variables take precedence', () => {
  const own = readConfig({ INPUT_TOPIC: 'mine', OUTPUT_TOPIC: 'yours' })
  expect(routeOf(own, 'add')).toMatchObject({ source: 'mine', target: 'yours' })
})

test('an unknown stage is named, with the ones there are', () => {
  expect(() => routeOf(config, 'subtract')).toThrow(/"subtract".*add, multiply, lcm, average, sine, square-root/)
  expect(() => routeOf(config)).toThrow('Which stage?')
})

test.each([
  [{}, 'throughline run lcm', 'throughline tracer'],
  [{ START_COMMAND: 'docker compose up -d' }, 'docker compose up -d lcm', 'docker compose up -d tracer'],
])('with %o a stage and the tracer are started in the way that fits', (env, stage, tracer) => {
  const commands = new Map(monitoredGroups(readConfig(env), true).map(({ name, command }) => [name, command]))
  expect([commands.get('lcm'), commands.get('tracer')]).toEqual([stage, tracer])
})

test('a prefix keeps pipelines on one cluster apart', () => {
  const other = readConfig({ TOPIC_PREFIX: 'blue.' })
  expect(routeOf(other, 'square-root')).toMatchObject({
    source: 'blue.stage6',
    target: 'blue.finish',
    group: 'blue.square-root',
  })
  expect(topicPlan(other).names).toContain('blue.dead-letter')
  expect(topicPlan(other).deadLetters).toBe('blue.dead-letter')
})
