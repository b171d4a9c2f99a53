import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UserError } from '../telemetry/user-error.ts'
import { fakeProgram } from './fake-program.ts'
import { requireJava } from './java.ts'
import { throwAwayDirectory } from './throw-away-directory.ts'

const saysVersion = (version: string) => `echo 'openjdk version "${version}" 2020-01-01' >&2`

test('a missing Java is refused with how to get one', async () => {
  const refused = requireJava({ PATH: '/nowhere' })
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow(
    /none that runs was found: install Java 17 or newer .*apt-get.*JAVA_HOME/,
  )
})

test.each([
  ['1.8.0_402', '1'],
  ['11.0.2', '11'],
])('Java %s is too old', async (version, named) => {
  await using directory = await throwAwayDirectory()
  await fakeProgram(join(directory.path, 'java'), saysVersion(version))
  const refused = requireJava({ PATH: directory.path })
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow(`a newer Java than the one found here, ${named}: install Java 17`)
})

test.each(['17', '17.0.15', '25-ea'])('Java %s is accepted, found by JAVA_HOME', async (version) => {
  await using directory = await throwAwayDirectory()
  await fakeProgram(join(directory.path, 'my java', 'bin', 'java'), saysVersion(version))
  const env = { PATH: '/nowhere', JAVA_HOME: join(directory.path, 'my java') }
  await expect(requireJava(env)).resolves.toBeUndefined()
})
