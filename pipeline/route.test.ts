import { expect, test } from 'vitest'
import { finish, pipeline } from '../stages/index.ts'
import { readConfig } from './config.ts'
import { monitoredGroups, routeOf, routes, topicPlan } from './route.ts'

const config = readConfig({})
const names = pipeline.map(({ name }) => name)
const count = names.length
const last = String(names[count - 1])

test('each stage writes what the next one reads, the last to finish', () => {
  const flow = routes(config).map(({ position, stage, source, target }) => [position, stage.name, source, target])
  const targets = [...pipeline.map(({ reads }) => reads).slice(1), finish]
  expect(flow).toEqual(pipeline.map(({ name, reads }, index) => [index + 1, name, reads, targets[index]]))
})

test.each([
  [{}, last],
  [{ OPERATION_TYPE: last }, undefined],
  [{ STAGE_NUMBER: `stage${count}` }, undefined],
  [{ STAGE_NUMBER: String(count) }, undefined],
])('a stage is found by %o and the argument %s', (env, name) => {
  expect(routeOf(readConfig(env), name).stage.name).toBe(last)
})

test('the seed’s topic variables take precedence', () => {
  const own = readConfig({ INPUT_TOPIC: 'mine', OUTPUT_TOPIC: 'yours' })
  expect(routeOf(own, last)).toMatchObject({ source: 'mine', target: 'yours' })
})

test('an unknown stage is named, with the ones there are', () => {
  expect(() => routeOf(config, 'subtract')).toThrow(`no stage "subtract". The stages are ${names.join(', ')}.`)
  expect(() => routeOf(config)).toThrow('Which stage?')
})

test.each([
  [{}, `throughline run ${last}`, 'throughline tracer'],
  [{ START_COMMAND: 'docker compose up -d' }, `docker compose up -d ${last}`, 'docker compose up -d tracer'],
])('with %o a stage and the tracer are started in the way that fits', (env, stage, tracer) => {
  const commands = new Map(monitoredGroups(readConfig(env), true).map(({ name, command }) => [name, command]))
  expect([commands.get(last), commands.get('tracer')]).toEqual([stage, tracer])
})

test('a prefix keeps pipelines on one cluster apart', () => {
  const other = readConfig({ TOPIC_PREFIX: 'blue.' })
  expect(routeOf(other, last)).toMatchObject({
    source: `blue.${pipeline.at(-1)?.reads}`,
    target: `blue.${finish}`,
    group: `blue.${last}`,
  })
  expect(topicPlan(other).names).toContain('blue.dead-letter')
  expect(topicPlan(other).deadLetters).toBe('blue.dead-letter')
})
