import { expect, test } from 'vitest'
import { readConfig } from '../pipeline/config.ts'
import { intro } from './demo-intro.ts'

const doors = [
  { name: 'Kafka', address: 'localhost:19092' },
  { name: 'Postgres', address: 'localhost:15432' },
  { name: 'Tempo', address: 'localhost:3200' },
]

test('it says where the doors are and what to try, in lines of 80 characters', () => {
  const text = intro(doors, readConfig({}))
  expect(text).toContain(
    'Kafka localhost:19092, Postgres localhost:15432, Tempo localhost:3200.\nCtrl-C stops everything.',
  )
  expect(text).toContain('npx throughline submit')
  expect(text).toContain('npx throughline follow')
  expect(text).not.toContain('export')
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
})

test('it says which settings lead to doors in other places', () => {
  const config = readConfig({ BOOTSTRAP_SERVERS: 'a:1,b:2', DB_PORT: '25432', RATE: '10' })
  expect(intro(doors, config)).toContain('  export BOOTSTRAP_SERVERS=a:1,b:2 DB_PORT=25432\n')
})
