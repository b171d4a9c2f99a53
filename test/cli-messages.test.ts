import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Status } from '../cli/render/render-status.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { pipelineWithStages } from './support/running-stages.ts'

const pipeline = pipelineWithStages()

const type = (...args: string[]) => throughline(args, { env: pipeline.env })
const countInputs = async () => {
  const { rows } = await pipeline.database.query<{ inputs: number }>('select count(*)::int as inputs from inputs')
  return rows[0]?.inputs
}

test('submit prints the id and nothing else; follow shows every digit of the results', async () => {
  const submitted = await type('submit', '{"numbers":[76452,61211234,8243724]}')
  expect(submitted).toMatchObject({ code: 0, stderr: '' })
  expect(submitted.stdout).toMatch(/^[\da-f]{32}\n$/)
  const id = submitted.stdout.trim()
  const followed = await type('follow', id)
  expect(followed).toMatchObject({ code: 0, stderr: '' })
  expect(followed.stdout).toMatch(/2 {2}multiply +38578330478947144032\n3 {2}lcm +69888279853165116\n/)
  const dashed = id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-').toUpperCase()
  const { code, stdout } = await type('follow', dashed, '--json')
  expect(code).toBe(0)
  expect(stdout).toContain('"result":38578330478947144032,')
  const history = JSON.parse(stdout) as {
    id: string
    attempts: { state: string; endToEndMs: number; steps: { totalMs: number }[] }[]
  }
  expect(history).toMatchObject({ id, attempts: [{ state: 'finished' }] })
  const [attempt] = history.attempts
  const sum = attempt?.steps.reduce((total, { totalMs }) => total + totalMs, 0)
  expect(sum).toBeCloseTo(attempt?.endToEndMs ?? -1, 2)
})

test('a file of JSON lines and standard input get in as they are written, ids in order', async () => {
  await using directory = await temporaryDirectory()
  const file = join(directory.path, 'numbers.jsonl')
  const bodies = ['{"numbers":[1.50]}', '{ "numbers" : [2e3], "note":"é🙂" }']
  await writeFile(file, `${bodies.join('\r\n')}\n`)
  const fromFile = await type('submit', '--file', file)
  const fromInput = await throughline(['submit'], { env: pipeline.env, input: '{\n  "numbers": [3]\n}\n' })
  const fromDash = await throughline(['submit', '-'], { env: pipeline.env, input: '{"numbers":[4]}\n' })
  expect([fromFile.code, fromInput.code, fromDash.code]).toEqual([0, 0, 0])
  const ids = `${fromFile.stdout}${fromInput.stdout}${fromDash.stdout}`.trim().split('\n')
  const { rows } = await pipeline.database.query<{ id: string; body: string }>(
    `select encode(uuid_send(message_id), 'hex') as id, body from inputs where message_id = any($1::uuid[]) order by message_id`,
    [ids],
  )
  expect(rows.map(({ id }) => id)).toEqual(ids)
  expect(rows.map(({ body }) => body)).toEqual([...bodies, '{\n  "numbers": [3]\n}', '{"numbers":[4]}'])
})

test('when one line is no JSON object nothing is sent, and the line is named', async () => {
  const before = await countInputs()
  const input = '{"numbers":[1]}\n{"numbers":[2}\n'
  const { code, stdout, stderr } = await throughline(['submit'], { env: pipeline.env, input })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/^Nothing was sent, because of line 2 of standard input: .*\n$/)
  expect(await countInputs()).toBe(before)
})

test('a dead letter is told by follow, listed, and shown whole', async () => {
  const { stdout } = await type('submit', '{"numbers":[-5]}')
  const id = stdout.trim()
  const followed = await type('follow', id)
  expect(followed.code).toBe(1)
  expect(followed.stdout).toMatch(/dead at square-root after .*: negative-root\n.*negative number has no real square root/)
  const listed = await type('dead-letters', '--stage', 'square-root')
  expect(listed.code).toBe(0)
  expect(listed.stdout).toMatch(new RegExp(String.raw`^${id}  .*Z  square-root\n    negative-root: `))
  const shown = await type('dead-letters', id)
  expect(shown.code).toBe(0)
  expect(shown.stdout).toMatch(/reason +negative-root\n[\s\S]*from +topic .*stage6, partition \d, offset \d+\n/)
  expect(shown.stdout).toContain('{"numbers":[-5],"sum":-5')
  const json = JSON.parse((await type('dead-letters', '--json', '-n', '1')).stdout) as unknown
  expect(json).toMatchObject([{ id, stage: 'square-root', reason: 'negative-root' }])
})

test('bytes that are no text are shown in hex', async () => {
  const id = 'f'.repeat(32)
  await pipeline.post('start', Buffer.from([0x7b, 0xff, 0x00]), {
    'message-id': id,
    odd: Buffer.from([0xc8]),
  })
  expect((await type('follow', id)).code).toBe(1)
  expect((await type('dead-letters', id)).stdout).toMatch(/header +odd: 0xc8\n[\s\S]*in hex:\n7bff00\n$/)
})

test('a message that was not seen, or that is no dead letter, is exit code 1 and a sentence', async () => {
  const id = '019ab2c4d5e67f8091a2b3c4d5e6f708'
  const followed = await type('follow', id, '--timeout', '0.3')
  expect(followed).toEqual({ code: 1, stdout: '', stderr: `Message ${id} was not seen within 0.3 s.\n` })
  const shown = await type('dead-letters', id)
  expect(shown).toMatchObject({ code: 1, stdout: '' })
  expect(shown.stderr).toContain(`Message ${id} is no dead letter`)
})

test('status counts what every stage has done, and complains when no process consumes what waits', async () => {
  const status = async () => {
    const { code, stdout } = await type('status', '--json')
    return { code, ...(JSON.parse(stdout) as Status) }
  }
  const quiet = await status()
  expect(quiet).toMatchObject({ code: 0, inFlight: 0, entered: quiet.finished + quiet.dead })
  expect(quiet.stages.map(({ running, waiting }) => ({ running, waiting }))).toEqual(
    quiet.stages.map(() => ({ running: 1, waiting: 0 })),
  )
  expect(quiet.stages[0]).toMatchObject({
    position: 1,
    stage: 'add',
    waitMs: expect.any(Number),
    workMs: expect.any(Number),
  })
  expect(quiet.endToEnd?.messages).toBe(quiet.finished)
  await pipeline.stages[Symbol.asyncDispose]()
  await type('submit', '{"numbers":[1]}')
  expect(await status()).toMatchObject({
    code: 1,
    inFlight: 1,
    stages: [{ running: 0, waiting: 1 }, {}, {}, {}, {}, {}],
  })
  expect((await type('status')).stdout).toContain(
    'add is stopped: 1 waiting, and no process runs it; start it: throughline run add',
  )
})

async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), 'throughline-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}
