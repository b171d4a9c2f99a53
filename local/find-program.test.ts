import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { UserError } from '../telemetry/user-error.ts'
import { fakeProgram } from './fake-program.ts'
import { findProgram } from './find-program.ts'
import { throwAwayDirectory } from './throw-away-directory.ts'

test('it is found on the PATH, past what cannot be run', async () => {
  await using directory = await throwAwayDirectory()
  const [notes, programs] = [directory.path, join(directory.path, 'programs')]
  await writeFile(join(notes, 'tempo'), 'allegro')
  await fakeProgram(join(programs, 'tempo'))
  const path = ['', '/nowhere', notes, programs].join(delimiter)
  expect(findProgram('tempo', { PATH: path })).toBe(join(programs, 'tempo'))
})

test('TEMPO_BIN is preferred', async () => {
  await using directory = await throwAwayDirectory()
  await fakeProgram(join(directory.path, 'tempo'))
  await fakeProgram(join(directory.path, 'my tempo'))
  const named = join(directory.path, 'my tempo')
  expect(findProgram('tempo', { PATH: directory.path, TEMPO_BIN: named })).toBe(named)
})

test('without it there is none', () => {
  expect(findProgram('tempo', { PATH: '/nowhere', TEMPO_BIN: '' })).toBeUndefined()
  expect(findProgram('tempo', {})).toBeUndefined()
})

test.each(['/nowhere/tempo', import.meta.dirname])('a TEMPO_BIN of %s is refused', (named) => {
  const find = () => findProgram('tempo', { TEMPO_BIN: named })
  expect(find).toThrow(UserError)
  expect(find).toThrow(`TEMPO_BIN is no program that can be run: ${named}`)
})
