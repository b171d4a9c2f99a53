import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UserError } from '../telemetry/user-error.ts'
import { fakeProgram } from './fake-program.ts'
import { kafkaJars } from './kafka-jars.ts'
import { throwAwayDirectory } from './throw-away-directory.ts'

const TAKE_JARS =
  'for arg; do case $arg in -Djars=*) jars=${arg#-Djars=}; esac; done; mkdir -p "$jars"; touch "$jars/a.jar"'

/** A directory with a cache and a Maven that runs `lines`. */
async function withMaven(...lines: string[]) {
  const directory = await throwAwayDirectory()
  const bin = join(directory.path, 'bin')
  await fakeProgram(join(bin, 'mvn'), ...lines)
  const said: string[] = []
  const cacheDir = join(directory.path, 'a cache')
  const options = { cacheDir, env: { PATH: `${bin}:/usr/bin:/bin` }, say: (line: string) => said.push(line) }
  return { options, said, cacheDir, [Symbol.asyncDispose]: directory.remove }
}

test('the jars are fetched once, however many ask at the same time', async () => {
  await using maven = await withMaven(TAKE_JARS, 'sleep 0.2')
  const asked = await Promise.all([kafkaJars(maven.options), kafkaJars(maven.options)])
  const later = await kafkaJars({ ...maven.options, env: { PATH: '/nowhere' } })
  expect(new Set([...asked, later]).size).toBe(1)
  expect(await readdir(later)).toEqual(['a.jar'])
  expect(await readdir(maven.cacheDir)).toHaveLength(1)
})

test('large jars are told while they come', async () => {
  const line = 'Downloaded from mirror: https://example.org/kafka-clients-4.3.1.jar (10 MB at 16 MB/s)'
  await using maven = await withMaven(TAKE_JARS, `echo '[INFO] ${line}'`)
  await kafkaJars(maven.options)
  expect(maven.said).toContain('  kafka-clients-4.3.1.jar, 10 MB')
})

test('a missing Maven is refused with how to get it', async () => {
  await using maven = await withMaven()
  const refused = kafkaJars({ ...maven.options, env: { PATH: '/nowhere' } })
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow(/no mvn was found: install Maven .*apt-get.*KAFKA_HOME/)
})

test('a failing Maven is quoted with its first error, and leaves nothing in the cache', async () => {
  await using maven = await withMaven(
    TAKE_JARS,
    'echo "[ERROR] no route to host"',
    'echo "[ERROR] [Help 1]"',
    'exit 1',
  )
  const refused = kafkaJars(maven.options)
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow(/check the network.*\nno route to host$/)
  expect(await readdir(maven.cacheDir)).toEqual([])
})

test('giving up while Maven works leaves nothing in the cache', async () => {
  await using maven = await withMaven(
    TAKE_JARS,
    'echo "Downloaded from x: x/a.jar (9 MB at once)"',
    'sleep 60',
  )
  const giveUp = new AbortController()
  const say = (line: string) => line.includes('a.jar') && giveUp.abort(new Error('Ctrl-C'))
  await expect(kafkaJars({ ...maven.options, say, signal: giveUp.signal })).rejects.toThrow('Ctrl-C')
  expect(await readdir(maven.cacheDir)).toEqual([])
})

test('KAFKA_HOME is used when Kafka is there, and refused when not', async () => {
  await using directory = await throwAwayDirectory()
  const options = { kafkaHome: directory.path, say: () => {} }
  await expect(kafkaJars(options)).rejects.toThrow(UserError)
  await mkdir(join(directory.path, 'libs'))
  await writeFile(join(directory.path, 'libs', 'kafka_2.13-4.3.1.jar'), '')
  expect(await kafkaJars(options)).toBe(join(directory.path, 'libs'))
})
