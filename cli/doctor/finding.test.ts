import { expect, test } from 'vitest'
import { readConfig } from '../../pipeline/config.ts'
import { UserError } from '../../telemetry/user-error.ts'
import { attempt, checkClock, checkServer, halves } from './finding.ts'

const config = readConfig({})

test('a sentence has two halves', () => {
  expect(halves('Nothing answers at localhost:15432: start it, or set DB_HOST.')).toEqual([
    'Nothing answers at localhost:15432',
    'start it, or set DB_HOST',
  ])
})

const reached = (error: Error) => {
  const run = async () => {
    throw error
  }
  return checkServer({ server: 'Kafka', address: 'localhost:19092', others: 'topics, groups', run }, config)
}

test('a server that is silent, one that refuses, and a program that is not that server', async () => {
  expect(await reached(new UserError('Nothing answers at localhost:19092: start it.'))).toEqual({
    isThere: false,
    findings: [
      {
        check: 'kafka',
        status: 'failure',
        message: 'Kafka at localhost:19092 does not answer (not checked: topics, groups)',
        remedy: 'start it',
      },
    ],
  })
  const refusal = new UserError('Kafka at localhost:19092 refuses the login (bad): set KAFKA_SASL_PASSWORD.')
  expect(await reached(refusal)).toMatchObject({
    isThere: true,
    findings: [{ remedy: 'set KAFKA_SASL_PASSWORD' }],
  })
  expect(await reached(new Error('invalid response: 48'))).toMatchObject({
    isThere: false,
    findings: [{ message: expect.stringContaining('does not speak as Kafka does (invalid response: 48)') }],
  })
})

test('what a check throws is its failure', async () => {
  const [failed] = await attempt('topics', config, () => Promise.reject(new Error('broken')))
  expect(failed).toMatchObject({ check: 'topics', status: 'failure', message: 'This could not be checked (broken)' })
  const table = Object.assign(new Error('no relation'), { code: '42P01' })
  expect(await attempt('monitor', config, () => Promise.reject(table))).toMatchObject([
    { message: expect.stringContaining('lacks the tables'), remedy: 'run `npx throughline migrate`' },
  ])
})

test.each([
  [1_000_000, 'pass', '10 ms ahead of'],
  [999_000, 'pass', '990 ms behind'],
  [998_900, 'warning', '1090 ms behind'],
  [1_002_000, 'warning', '2010 ms ahead of'],
])('a server at %i is a %s', async (there, status, text) => {
  // Each reading takes 20 ms.
  const times = [999_980, 1_000_000].values()
  const clock = () => times.next().value ?? 0
  expect(await checkClock({ check: 'clock', server: 'Postgres' }, () => Promise.resolve(there), clock)).toMatchObject({
    status,
    message: `The clock of Postgres is ${text} that of this machine, read within 20 ms`,
  })
})
