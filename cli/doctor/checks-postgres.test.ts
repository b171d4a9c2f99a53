import { expect, test } from 'vitest'
import { judgeDaysAhead, judgeMigrations, judgeMonitor } from './checks-postgres.ts'

test('migrations and partitions', () => {
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
  expect(judgeMonitor(7, 'throughline monitor').status).toBe('pass')
  expect(judgeMonitor(0, 'docker compose up -d monitor')).toMatchObject({
    status: 'failure',
    remedy: 'start it: `docker compose up -d monitor`',
  })
  expect(judgeDaysAhead(3).status).toBe('pass')
  expect(judgeDaysAhead(0)).toMatchObject({ status: 'failure', message: expect.stringContaining('Tomorrow') })
})
