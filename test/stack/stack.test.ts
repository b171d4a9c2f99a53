import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pipeline } from '../../stages/index.ts'
import { queryPrometheus } from '../support/telemetry/prometheus.ts'
import { panelsWithoutData } from '../support/telemetry/panel-queries.ts'
import { grafanaAt } from '../support/telemetry/running-grafana.ts'
import { spansByService } from '../support/telemetry/tempo.ts'
import { countInImage, createCompose, excludedServices, inspect, serviceOf } from './docker-compose.ts'
import { startStack, type RunningStack } from './running-stack.ts'

const wait = { timeout: 300_000, interval: 1000 }
const stages = pipeline.map(({ name }) => name)

let stack: RunningStack
beforeAll(async () => {
  if (excludedServices.length > 0) process.stdout.write(`Not started and not tested: ${excludedServices.join(', ')}\n`)
  stack = await startStack()
})
afterAll(() => stack?.[Symbol.asyncDispose]())

/** The numbers of finished messages, rows and dead letters of the messages with this first number. */
async function outcome(first: string): Promise<{ finished: number; rows: number; lost: number }> {
  const [counts] = await stack.query<{ finished: number; rows: number; lost: number }>(
    `with ours as (select message_id from inputs where numbers like $1)
     select (select count(*)::int from finished join ours using (message_id)) as finished,
       (select count(*)::int from results join ours using (message_id)) as rows,
       (select count(*)::int from dead_letters join ours using (message_id)) as lost`,
    [`[${first},%`],
  )
  return counts ?? { finished: 0, rows: 0, lost: 0 }
}

const done = (messages: number) => ({ finished: messages, rows: messages * stages.length, lost: 0 })

async function up(job: string): Promise<number> {
  const { result } = (await queryPrometheus(stack.ports.PROMETHEUS, 'query', {
    query: `sum(up{job="${job}"})`,
  })) as { result: readonly { value: readonly [number, string] }[] }
  return Number(result[0]?.value[1] ?? 0)
}

/** What the monitor says of a stage. */
async function stageNow(stage: string): Promise<{ verdict: string; sentence: string; oldest: number | null } | undefined> {
  const sql = 'select verdict, sentence, oldest_seconds as oldest from stage_now where stage = $1'
  const [row] = await stack.query<{ verdict: string; sentence: string; oldest: number | null }>(sql, [stage])
  return row
}

/** The notifications that the monitor received about a stage. */
async function delivered(stage: string): Promise<string[]> {
  const rows = await stack.query<{ alert: string; status: string }>(
    'select alert, status from alert_notifications where stage = $1 order by id',
    [stage],
  )
  return rows.map(({ alert, status }) => `${alert}: ${status}`)
}

test('every container becomes healthy without a restart, publishes ports on localhost only, and migrate exits with 0', async () => {
  const containers = await inspect()
  const states = containers.map((container) => {
    const { Status, ExitCode, OOMKilled, Health } = container.State
    return [serviceOf(container), Health?.Status ?? Status, ExitCode, container.RestartCount, OOMKilled]
  })
  const expected = containers.map(serviceOf).map((name) => {
    return [name, name === 'migrate' ? 'exited' : 'healthy', 0, 0, false]
  })
  expect(states).toEqual(expected)
  const open = containers.flatMap(({ NetworkSettings }) => Object.values(NetworkSettings.Ports).flat())
  expect(open.filter((binding) => binding !== null && binding.HostIp !== '127.0.0.1')).toEqual([])
})

test('a submitted message has exact results and one trace', async () => {
  const numbers = '[11111111111111111111.25,3]'
  // In a new container, as in the README: a second Node process exceeds the memory limit of a stage.
  const once = ['run', '--rm', '--no-deps', '-T', 'add']
  const id = (await stack.compose(...once, 'submit', `{"numbers":${numbers}}`)).trim()
  expect(id).toMatch(/^[0-9a-f]{32}$/)
  await expect.poll(() => outcome('11111111111111111111.25'), wait).toEqual(done(1))
  const [row] = await stack.query<{ result: string }>(
    `select result from results where message_id = $1::uuid and stage = 'add'`,
    [id],
  )
  expect(row?.result).toContain('11111111111111111114.25')
  const spans = () => spansByService(stack.ports.TEMPO, id)
  await expect.poll(async () => Object.keys(await spans()).toSorted(), wait).toEqual([...stages, 'submit'].toSorted())
})

test('a message sent to the published port finishes', async () => {
  await stack.post('{"numbers":[22222,8]}')
  await expect.poll(() => outcome('22222'), wait).toEqual(done(1))
})

test('Prometheus scrapes every process and Tempo, and Tempo generates the service graph', async () => {
  await expect.poll(() => up('throughline'), wait).toBe(stages.length + 3)
  await expect.poll(() => up('tempo'), wait).toBe(1)
  const query = 'sum(traces_service_graph_request_total{client="add",server="multiply"})'
  const drawn = async () => await queryPrometheus(stack.ports.PROMETHEUS, 'query', { query })
  await expect.poll(drawn, wait).toMatchObject({ result: [expect.anything()] })
})

test('three replicas of a stage share its partitions, and each is scraped', async () => {
  await stack.compose('up', '--detach', '--no-recreate', '--wait', '--scale', 'lcm=3')
  await expect.poll(() => up('throughline'), wait).toBe(stages.length + 5)
  const members = () => stack.query<{ members: number }>(`select members from stage_now where stage = 'lcm'`)
  await expect.poll(members, wait).toEqual([{ members: 3 }])
  await stack.post(...Array.from({ length: 40 }, () => '{"numbers":[33333,9]}'))
  await expect.poll(() => outcome('33333'), wait).toEqual(done(40))
})

test('a stopped stage exits cleanly, its backlog is reported, and is processed after the restart', async () => {
  await stack.compose('stop', 'multiply')
  const stopped = (await inspect()).find((container) => serviceOf(container) === 'multiply')
  expect(stopped?.State).toMatchObject({ Status: 'exited', ExitCode: 0 })
  await stack.post(...Array.from({ length: 50 }, () => '{"numbers":[44444,7]}'))
  const sentence = expect.stringMatching(/start it: docker compose up -d multiply$/)
  await expect.poll(() => stageNow('multiply'), wait).toMatchObject({ verdict: 'STOPPED', sentence })
  await stack.compose('start', 'multiply')
  await expect.poll(() => outcome('44444'), wait).toEqual(done(50))
  await expect.poll(() => stageNow('multiply'), wait).toMatchObject({ verdict: 'OK' })
})

test('a killed stage is restarted by Docker, and no message is lost', async () => {
  const life = async () => {
    const sine = (await inspect()).find((container) => serviceOf(container) === 'sine')
    return [sine?.RestartCount, sine?.State.Health?.Status]
  }
  await stack.post(...Array.from({ length: 50 }, () => '{"numbers":[55555,6]}'))
  // No process in the container can kill its init, process 1; the stage is a child of it.
  await stack.compose(
    'exec',
    '-T',
    'sine',
    'bash',
    '-c',
    'for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p -ne 1 ] && [ $p -ne $$ ] && kill -9 $p; done; true',
  )
  await expect.poll(life, wait).toEqual([1, 'healthy'])
  await expect.poll(() => outcome('55555'), wait).toEqual(done(50))
})

describe.skipIf(excludedServices.includes('grafana'))('Grafana', () => {
  test.each(['prometheus', 'postgres', 'tempo'])('connects to %s', async (uid) => {
    const grafana = grafanaAt(stack.ports.GRAFANA)
    expect(await grafana.request(`/api/datasources/uid/${uid}/health`)).toMatchObject({ status: 'OK' })
  })

  test('has one folder, and no error about a missing directory', async () => {
    const folders = (await grafanaAt(stack.ports.GRAFANA).request('/api/folders')) as { title: string }[]
    expect(folders.map(({ title }) => title)).toEqual(['Throughline'])
    expect(await stack.compose('logs', 'grafana')).not.toContain('provisioning files from directory')
  })

  test('notifies the monitor once that a stage is stopped, and once that it is resolved', async () => {
    await stack.compose('stop', 'average')
    await stack.post('{"numbers":[77777,5]}')
    const firing = 'Stage stopped or stalled: firing'
    await expect.poll(() => delivered('average'), wait).toEqual([firing])
    // By this age the rules about missing processes and old messages would have fired, too.
    await expect.poll(async () => (await stageNow('average'))?.oldest ?? 0, wait).toBeGreaterThan(100)
    await stack.compose('start', 'average')
    await expect.poll(() => delivered('average'), wait).toEqual([firing, 'Stage stopped or stalled: resolved'])
  })

  test('returns data for every query of every panel', async () => {
    await stack.post('{"numbers":[66666,-70000]}')
    const dead = () => stack.query<{ id: string }>('select message as id from dead_messages limit 1')
    await expect.poll(dead, wait).toHaveLength(1)
    const [letter] = await dead()
    const empty = () => panelsWithoutData(grafanaAt(stack.ports.GRAFANA), letter?.id ?? '')
    // The series of discarded and refused spans exist only after the first such span.
    await expect
      .poll(async () => (await empty()).filter((one) => !one.includes('What became of the traces?')), wait)
      .toEqual([])
  })
})

describe.skipIf(excludedServices.includes('pgweb'))('pgweb', () => {
  const ask = (query: string) =>
    fetch(`http://127.0.0.1:${stack.ports.PGWEB}/api/query`, {
      method: 'POST',
      body: new URLSearchParams({ query }),
    })

  test('reads, and deletes nothing', async () => {
    expect((await ask('select count(*) from results')).status).toBe(200)
    expect((await ask('delete from results')).status).toBe(400)
  })
})

test('it stops cleanly, and its data is there after the next start', async () => {
  const [before] = await stack.query<{ count: number }>('select count(*)::int from finished')
  await stack.compose('stop')
  const containers = await inspect()
  // Foreign images may exit with the number of the signal, but none had to be killed with SIGKILL.
  expect(containers.filter(({ State }) => State.ExitCode === 137 || State.OOMKilled).map(serviceOf)).toEqual([])
  const ours = containers.filter(({ Config }) => Config.Image.startsWith('throughline:'))
  expect(ours.filter(({ State }) => State.ExitCode !== 0).map(serviceOf)).toEqual([])
  // Postgres that was not shut down would recover from its log at the next start.
  expect(containers.find((container) => serviceOf(container) === 'postgres')?.State.ExitCode).toBe(0)
  expect(await stack.compose('logs', '--tail', '1', 'postgres')).toContain('database system is shut down')
  expect(await stack.compose('logs', 'tempo')).not.toContain('producerSpanEndTime')
  await stack.compose('up', '--detach', '--wait', '--wait-timeout', '600')
  const [after] = await stack.query<{ count: number }>('select count(*)::int from finished')
  expect(after?.count).toBeGreaterThanOrEqual(before?.count ?? Infinity)
})

test('no layer of the image has a secret of the environment or of a file that was there when it was built', async () => {
  const names = ['DB', 'GRAFANA_DB', 'GRAFANA_ADMIN', 'GF_SMTP', 'KAFKA_UI'].map((name) => `${name}_PASSWORD`)
  const compose = await createCompose(stack.ports, Object.fromEntries(names.map((name) => [name, 'planted-secret'])))
  const file = join(import.meta.dirname, '..', '..', 'sql', '.env.planted')
  await writeFile(file, 'DB_PASSWORD=planted-secret')
  await using _ = { [Symbol.asyncDispose]: () => rm(file) }
  await compose('build', '--no-cache', 'migrate')
  const image = (await inspect()).find((container) => serviceOf(container) === 'add')?.Config.Image ?? ''
  expect(await countInImage(image, 'planted-secret')).toBe(0)
  // What is in a layer is found.
  expect(await countInImage(image, 'createProgram')).toBeGreaterThan(0)
})
