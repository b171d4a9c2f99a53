import { inspect } from 'node:util'
import { afterEach, expect, test, vi } from 'vitest'
import { startTokenServer } from '../test/support/processes/token-server.ts'
import { tokenProvider } from './security.ts'

afterEach(() => void vi.useRealTimers())

const client = { username: 'flow', password: 'a:b/ü', scope: undefined }

test('a token is used until shortly before it expires', async () => {
  await using server = await startTokenServer(client.username, client.password)
  const provide = tokenProvider({ ...client, url: server.url })
  const first = await provide()
  expect((await provide()).value).toBe(first.value)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_571_000 })
  expect((await provide()).value).not.toBe(first.value)
  expect(server.given()).toBe(2)
})

test('a server that refuses ends the login, one that is away is tried again, and neither error shows the secret', async () => {
  await using server = await startTokenServer(client.username, 'another')
  const refused = tokenProvider({ ...client, url: server.url })
  await expect(refused()).rejects.toMatchObject({ name: 'KafkaJSSASLAuthenticationError', retriable: false })
  const away = tokenProvider({ ...client, url: 'http://127.0.0.1:1/token' })
  await expect(away()).rejects.toMatchObject({ name: 'KafkaJSConnectionError', retriable: true })
  for (const provide of [refused, away])
    expect(await provide().catch((error: unknown) => inspect(error))).not.toContain(client.password)
})
