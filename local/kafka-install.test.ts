import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { UserError } from '../telemetry/user-error.ts'
import { fakeProgram } from '../test/support/processes/fake-program.ts'
import { temporaryDirectory } from './host-resources.ts'
import { kafkaJars, requireJava } from './kafka-install.ts'

beforeEach(() => void vi.stubEnv('JAVA_HOME', ''))
afterEach(() => void vi.unstubAllEnvs())

const COPY_JARS =
  'for arg; do case $arg in -Djars=*) jars=${arg#-Djars=}; esac; done; mkdir -p "$jars"; touch "$jars/a.jar"'

/** A directory with a cache and a Maven that runs `lines`. */
async function withMaven(...lines: string[]) {
  const directory = await temporaryDirectory()
  const bin = join(directory.path, 'bin')
  await fakeProgram(join(bin, 'mvn'), ...lines)
  const said: string[] = []
  const cacheDir = join(directory.path, 'a cache')
  vi.stubEnv('PATH', `${bin}:/usr/bin:/bin`)
  return {
    options: { cacheDir, say: (line: string) => said.push(line) },
    said,
    cacheDir,
    [Symbol.asyncDispose]: directory.remove,
  }
}

test('the jars are fetched once, also by parallel calls', async () => {
  await using maven = await withMaven(COPY_JARS, 'sleep 0.2')
  const asked = await Promise.all([kafkaJars(maven.options), kafkaJars(maven.options)])
  vi.stubEnv('PATH', '/nowhere')
  const later = await kafkaJars(maven.options)
  expect(new Set([...asked, later]).size).toBe(1)
  expect(await readdir(later)).toEqual(['a.jar'])
  expect(await readdir(maven.cacheDir)).toHaveLength(1)
})

test('each large jar is printed when it has been fetched', async () => {
  const line = 'Downloaded from mirror: https://example.org/kafka-clients-4.3.1.jar (10 MB at 16 MB/s)'
  await using maven = await withMaven(COPY_JARS, `echo '[INFO] ${line}'`)
  await kafkaJars(maven.options)
  expect(maven.said).toContain('  kafka-clients-4.3.1.jar, 10 MB')
})

test('a missing Maven is an error that says how to install it', async () => {
  await using maven = await withMaven()
  vi.stubEnv('PATH', '/nowhere')
  const refused = kafkaJars(maven.options)
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow(/no mvn was found: install Maven .*apt-get.*KAFKA_HOME/)
})

test('the error of a failing Maven has its first error line, and leaves nothing in the cache', async () => {
  await using maven = await withMaven(COPY_JARS, 'echo "[ERROR] no route to host"', 'echo "[ERROR] [Help 1]"', 'exit 1')
  const refused = kafkaJars(maven.options)
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow(/check the network.*\nno route to host$/)
  expect(await readdir(maven.cacheDir)).toEqual([])
})

test('an abort while Maven runs leaves nothing in the cache', async () => {
  await using maven = await withMaven(COPY_JARS, 'echo "Downloaded from x: x/a.jar (9 MB at once)"', 'sleep 60')
  const giveUp = new AbortController()
  const say = (line: string) => line.includes('a.jar') && giveUp.abort(new Error('Ctrl-C'))
  await expect(kafkaJars({ ...maven.options, say, signal: giveUp.signal })).rejects.toThrow('Ctrl-C')
  expect(await readdir(maven.cacheDir)).toEqual([])
})

test('KAFKA_HOME is used when it holds Kafka, and is an error otherwise', async () => {
  await using directory = await temporaryDirectory()
  const options = { kafkaHome: directory.path, say: () => {} }
  await expect(kafkaJars(options)).rejects.toThrow(UserError)
  await mkdir(join(directory.path, 'libs'))
  await writeFile(join(directory.path, 'libs', 'kafka_2.13-4.3.1.jar'), '')
  expect(await kafkaJars(options)).toBe(join(directory.path, 'libs'))
})

const saysVersion = (version: string) => `echo 'openjdk version "${version}" 2020-01-01' >&2`

test('a missing Java is an error that says how to install it', async () => {
  vi.stubEnv('PATH', '/nowhere')
  const refused = requireJava()
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow(/none that runs was found: install Java 17 or newer .*apt-get.*JAVA_HOME/)
})

test.each([
  ['1.8.0_402', '1'],
  ['11.0.2', '11'],
])('Java %s is too old', async (version, named) => {
  await using directory = await temporaryDirectory()
  await fakeProgram(join(directory.path, 'java'), saysVersion(version))
  vi.stubEnv('PATH', directory.path)
  const refused = requireJava()
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow(`a newer Java than the one found here, ${named}: install Java 17`)
})

test.each(['17', '17.0.15', '25-ea'])('Java %s is accepted, found by JAVA_HOME', async (version) => {
  await using directory = await temporaryDirectory()
  await fakeProgram(join(directory.path, 'my java', 'bin', 'java'), saysVersion(version))
  vi.stubEnv('PATH', '/nowhere')
  vi.stubEnv('JAVA_HOME', join(directory.path, 'my java'))
  await expect(requireJava()).resolves.toBeUndefined()
})
