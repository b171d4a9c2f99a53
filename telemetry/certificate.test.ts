import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../local/host-resources.ts'
import { readPem } from './certificate.ts'

test('a file is read again each time, and while it is being replaced it is what it was', async () => {
  await using directory = await temporaryDirectory()
  const file = join(directory.path, 'ca.pem')
  expect(() => readPem(file)).toThrow('ENOENT')
  await writeFile(file, 'old')
  expect(readPem(file)).toBe('old')
  await rm(file)
  expect(readPem(file)).toBe('old')
  await writeFile(file, 'new')
  expect(readPem(file)).toBe('new')
})
