import { expect, test } from 'vitest'
import { startThroughline } from '../local/throughline-process.ts'
import { waitUntil } from '../telemetry/wait-until.ts'
import { startDemo, type RunningDemo } from './support/processes/running-demo.ts'
import { throughline } from './support/processes/throughline-cli.ts'

/** Resolves when the monitor of a demo has taken a sample, and no stage is in trouble. */
async function untilWell(env: Record<string, string>): Promise<void> {
  const isWell = async () => {
    const { code, stdout } = await throughline(['status', '--json'], { env })
    return code === 0 && stdout.includes('"missing":0')
  }
  await waitUntil('all is well', isWell, { timeoutMs: 120_000, everyMs: 1000 })
}

test('database-away in the demo: Postgres comes back, also when the command is killed', async () => {
  await using demo = await startDemo()
  await waitUntil('the demo', () => demo.output().includes('In another terminal'), { timeoutMs: 240_000 })
  const env = { ...demoEnvironment(demo), GRAFANA_URL: 'http://127.0.0.1:1' }
  await untilWell(env)
  await using command = await startThroughline({ name: 'scenario', args: ['scenario', 'database-away'], env: { ...env } })
  const isAway = () => command.outputTail().includes('it is away')
  await waitUntil('Postgres is away', isAway, { timeoutMs: 60_000 })
  command.kill('SIGKILL')
  await untilWell(env)
  const { code, stdout, stderr } = await throughline(['scenario', 'database-away'], { env })
  expect({ code, stdout, stderr }).toMatchObject({ code: 0 })
  expect(stdout).toMatch(/20 finished, 0 dead/)
})

/** The variables by which a command finds the demo's servers. */
function demoEnvironment(demo: RunningDemo): Record<string, string> {
  const portOf = (name: string) => new RegExp(`${name} is up at localhost:(\\d+)`).exec(demo.output())?.[1] ?? ''
  return { BOOTSTRAP_SERVERS: `localhost:${portOf('Kafka')}`, DB_PORT: portOf('Postgres') }
}
