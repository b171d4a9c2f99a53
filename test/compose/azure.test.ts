import { expect, test } from 'vitest'
import { azureNeeds, readCompose, readOurs } from './compose-file.ts'

const local = readCompose().services
const azure = readCompose('compose.azure.yml').services
const ours = Object.entries(local).filter(([, { image }]) => image.startsWith('throughline:'))

test.each(ours)('%s has the servers of Azure, with a certificate that is checked', (name) => {
  expect(azure[name]?.environment).toMatchObject({
    BOOTSTRAP_SERVERS: '${BOOTSTRAP_SERVERS}',
    EVENTHUB_CONNECTIONSTRING: '${EVENTHUB_CONNECTIONSTRING}',
    DB_HOST: '${DB_HOST}',
    DB_SSLMODE: 'verify-full',
  })
})

test('it changes only services that are there', () => {
  expect(Object.keys(local)).toEqual(expect.arrayContaining(Object.keys(azure)))
})

test('whatever it refers to without a default is asked for by name', () => {
  const text = readOurs('compose.azure.yml')
  const used = [...text.matchAll(/(?<!\$)\$\{([A-Z_]+)\}/g)].map(([, name]) => name)
  expect(used.length).toBeGreaterThan(5)
  expect(azureNeeds()).toEqual(expect.arrayContaining(used))
})

test('no need is met by a copy of .env.example', () => {
  const set = readOurs('.env.example').matchAll(/^([A-Z_]+)=/gm)
  expect([...set].filter(([, name = '']) => azureNeeds().includes(name))).toEqual([])
})
