import { expect, test } from 'vitest'
import { judgeDaysAhead, judgeMigrations, judgeSamples, judgeVersion } from './checks-postgres.ts'

test('the version, migrations and partitions', () => {
  expect(judgeVersion('18.4', 'db:5432')).toMatchObject({ status: 'pass', message: 'Postgres 18.4 at db:5432 answers' })
  expect(judgeVersion('17.6', 'db:5432').status).toBe('failure')
  expect(judgeMigrations({ missing: [], unknown: [] }).status).toBe('pass')
  expect(judgeMigrations({ missing: ['004_flow'], unknown: ['009_x'] })).toMatchObject({
    status: 'failure',
    message: expect.stringContaining('004_flow'),
    remedy: 'run `npx throughline migrate`',
  })
  expect(judgeMigrations({ missing: [], unknown: ['009_x'] })).toMatchObject({
    status: 'failure',
    message: expect.stringContaining('009_x'),
  })
  expect(judgeDaysAhead(3).status).toBe('pass')
  expect(judgeDaysAhead(0)).toMatchObject({ status: 'failure', message: expect.stringContaining('Tomorrow') })
})

test('the monitor: away, content, and with a bad verdict', () => {
  const sample = (verdict: string) => new Map([['lcm', { verdict, sentence: `lcm is ${verdict}` }]])
  expect(judgeSamples(new Map(), { START_COMMAND: 'docker compose up -d' })).toMatchObject({
    status: 'failure',
    remedy: 'start it: `docker compose up -d monitor`',
  })
  expect(judgeSamples(sample('CATCHING UP'), { START_COMMAND: undefined }).status).toBe('pass')
  expect(judgeSamples(sample('FALLING BEHIND'), { START_COMMAND: undefined }).status).toBe('warning')
  expect(judgeSamples(sample('STOPPED'), { START_COMMAND: undefined })).toMatchObject({
    status: 'failure',
    message: 'lcm is STOPPED (STOPPED)',
  })
})
