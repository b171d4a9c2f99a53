import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { UserError } from '../telemetry/user-error.ts'
import { fakeProgram } from '../test/support/processes/fake-program.ts'
import { findProgram, freePort, requireDiskSpace, requireFreePort, temporaryDirectory } from './host-resources.ts'

test('a free port is accepted', async () => {
  await expect(requireFreePort(await freePort(), 'Kafka')).resolves.toBeUndefined()
})

test.each(['127.0.0.1', '0.0.0.0', 'localhost'])('a port taken on %s is refused with what to do', async (host) => {
  await using server = createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const refused = requireFreePort(port, 'Postgres', 'DB_PORT')
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow(
    `Port ${port}, meant for Postgres, is taken: stop the program that uses it, or choose another port with DB_PORT.`,
  )
})

test('a disk with room is accepted', async () => {
  await expect(requireDiskSpace(tmpdir(), 1)).resolves.toBeUndefined()
})

test('a disk without room is refused, naming the place and both amounts', async () => {
  const refused = requireDiskSpace(tmpdir(), 1e12)
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow(/^Only \d+ MiB are free where \/.+ is, and 1000000000000 MiB are needed/)
})

test('a directory for data is created', async () => {
  await using directory = await temporaryDirectory()
  const path = join(directory.path, 'kafka', 'data')
  await requireDiskSpace(path, 1)
  expect(existsSync(path)).toBe(true)
})

test('a temporary directory is removed with what it holds', async () => {
  const directory = await temporaryDirectory()
  await writeFile(join(directory.path, 'file'), 'text')
  await directory.remove()
  expect(existsSync(directory.path)).toBe(false)
})

describe('findProgram', () => {
  test('a program is found on the PATH, after files that cannot be run', async () => {
    await using directory = await temporaryDirectory()
    const [notes, programs] = [directory.path, join(directory.path, 'programs')]
    await writeFile(join(notes, 'tempo'), 'allegro')
    await fakeProgram(join(programs, 'tempo'))
    const path = ['', '/nowhere', notes, programs].join(delimiter)
    expect(findProgram('tempo', { PATH: path })).toBe(join(programs, 'tempo'))
  })

  test('TEMPO_BIN comes before the PATH', async () => {
    await using directory = await temporaryDirectory()
    await fakeProgram(join(directory.path, 'tempo'))
    await fakeProgram(join(directory.path, 'my tempo'))
    const named = join(directory.path, 'my tempo')
    expect(findProgram('tempo', { PATH: directory.path, TEMPO_BIN: named })).toBe(named)
  })

  test('undefined when the program is not installed', () => {
    expect(findProgram('tempo', { PATH: '/nowhere', TEMPO_BIN: '' })).toBeUndefined()
    expect(findProgram('tempo', {})).toBeUndefined()
  })

  test.each(['/nowhere/tempo', import.meta.dirname])('a TEMPO_BIN of %s is refused', (named) => {
    const find = () => findProgram('tempo', { TEMPO_BIN: named })
    expect(find).toThrow(UserError)
    expect(find).toThrow(`TEMPO_BIN is no program that can be run: ${named}`)
  })
})
