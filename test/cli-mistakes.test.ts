import { expect, inject, test } from 'vitest'
import { freePort } from '../local/host-resources.ts'
import { throughline } from './support/processes/throughline-cli.ts'

const id = '019ab2c4d5e67f8091a2b3c4d5e6f708'
const login = () => {
  const { host, port, user, password } = inject('postgres')
  return { DB_HOST: host, DB_PORT: String(port), DB_USER: user, DB_PASSWORD: password, DB_NAME: 'postgres' }
}
const short = [
  ['submit', '{"numbers":[1]}'],
  ['follow', id],
  ['status'],
  ['dead-letters'],
  ['replay', '--since', '2h'],
  ['scenario', 'burst'],
]

test.each(short)('without servers, %s says in one sentence where nothing answers, within seconds', async (...args) => {
  const [kafka, postgres] = [`127.0.0.1:${await freePort()}`, String(await freePort())]
  const env = { BOOTSTRAP_SERVERS: kafka, DB_HOST: '127.0.0.1', DB_PORT: postgres }
  const begun = performance.now()
  const { code, stdout, stderr } = await throughline(args, { env })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/^Nothing answers at 127\.0\.0\.1:\d+: start `npm run demo` or .*, or set .*\.\n$/)
  expect([kafka, `127.0.0.1:${postgres}`].some((place) => stderr.includes(place))).toBe(true)
  expect(performance.now() - begun).toBeLessThan(15_000)
})

test.each(short)('on a database that was never migrated, %s says what to run', async (...args) => {
  const { code, stderr } = await throughline(args, {
    env: { ...login(), BOOTSTRAP_SERVERS: inject('kafka'), TOPIC_PREFIX: 'never.' },
  })
  expect(code).toBe(2)
  expect(stderr).toMatch(
    /^(The database postgres at .* lacks the tables|Kafka at .* lacks the topics of the pipeline): run `npx throughline migrate`\.\n$/,
  )
})

test.each([['run', 'add'], ['migrate'], ['status']])(
  'a bad environment ends %s before it connects, with every bad key',
  async (...args) => {
    const env = { BOOTSTRAP_SERVERS: 'nowhere', DB_PORT: 'x', RATE: '-1' }
    const { code, stdout, stderr } = await throughline(args, { env })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/BOOTSTRAP_SERVERS: .*\n.*DB_PORT: .*\n.*RATE: .*\n$/)
  },
)

test('a wrong password is said, and not shown', async () => {
  const { code, stderr } = await throughline(['dead-letters'], { env: { ...login(), DB_PASSWORD: 'secret' } })
  expect(code).toBe(2)
  expect(stderr).toContain('set DB_USER and DB_PASSWORD')
  expect(stderr).not.toContain('secret')
})

test('a stage that is not there is named beside those that are', async () => {
  const { code, stderr } = await throughline(['run', 'divide'], { env: {} })
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: 'There is no stage "divide". The stages are add, multiply, lcm, average, sine, square-root.\n',
  })
})

test('a scenario that is not there is named beside those that are, which are also listed without servers', async () => {
  const { code, stderr } = await throughline(['scenario', 'fire'], { env: {} })
  expect(code).toBe(2)
  expect(stderr).toMatch(/^There is no scenario "fire"\. The scenarios are slow-stage, stop-stage, .*hot-partition\.\n$/)
  const list = await throughline(['scenario'], { env: {} })
  expect(list).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^slow-stage +every message[^]*^database-away /m) as string,
  })
})
