import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { UserError } from '../telemetry/user-error.ts'
import { requireDiskSpace } from './disk-space.ts'

test('a disk with room is accepted', async () => {
  await expect(requireDiskSpace(tmpdir(), 1)).resolves.toBeUndefined()
})

test('a disk without room is refused, naming the place and both amounts', async () => {
  const refused = requireDiskSpace(tmpdir(), 1e12)
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow(
    /^Only \d+ MiB are free where \/.+ is, and 1000000000000 MiB are needed/,
  )
})
