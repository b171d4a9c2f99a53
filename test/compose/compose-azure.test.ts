import { expect, test } from 'vitest'
import { readConfig } from '../../pipeline/config.ts'
import { topicPlan } from '../../pipeline/route.ts'
import { requiredAzureVariables, readCompose, readProjectFile } from './compose-file.ts'

const local = readCompose().services
const azure = readCompose('compose.azure.yml').services
const ours = Object.entries(local).filter(([, { image }]) => image.startsWith('throughline:'))

test.each(ours)('%s connects to the servers on Azure and verifies their certificates', (name) => {
  expect(azure[name]?.environment).toMatchObject({
    BOOTSTRAP_SERVERS: '${BOOTSTRAP_SERVERS}',
    EVENTHUB_CONNECTIONSTRING: '${EVENTHUB_CONNECTIONSTRING}',
    TOPICS_AUTO_CREATE: 'false',
    DB_HOST: '${DB_HOST}',
    DB_SSLMODE: 'verify-full',
    SCENARIOS: '${SCENARIOS:-off}',
  })
})

test('the Bicep file makes a hub for each topic', () => {
  const [, list = ''] = /^var topics = \[\n(.*?)\n\]/ms.exec(readProjectFile('deploy/azure/hubs.bicep')) ?? []
  const hubs = [...list.matchAll(/'(.*?)'/g)].map(([, name]) => name)
  expect(hubs).toEqual(topicPlan(readConfig({})).names)
})

test('it changes only services of docker-compose.yml', () => {
  expect(Object.keys(local)).toEqual(expect.arrayContaining(Object.keys(azure)))
})

test('every variable without a default is required by name', () => {
  const text = readProjectFile('compose.azure.yml')
  const used = [...text.matchAll(/(?<!\$)\$\{([A-Z_]+)\}/g)].map(([, name]) => name)
  expect(used.length).toBeGreaterThan(5)
  expect(requiredAzureVariables()).toEqual(expect.arrayContaining(used))
})

test('a copy of .env.example sets no required variable', () => {
  const set = readProjectFile('.env.example').matchAll(/^([A-Z_]+)=/gm)
  expect([...set].filter(([, name = '']) => requiredAzureVariables().includes(name))).toEqual([])
})
