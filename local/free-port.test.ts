import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { UserError } from '../telemetry/user-error.ts'
import { freePort, requireFreePort } from './free-port.ts'

test('a free port is accepted', async () => {
  await expect(requireFreePort(await freePort(), 'Kafka')).resolves.toBeUndefined()
})

test.each(['127.0.0.1', '0.0.0.0', 'localhost'])(
  'a port taken on %s is refused with what to do',
  async (host) => {
    await using server = createServer().listen(0, host)
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const refused = requireFreePort(port, 'Postgres', 'DB_PORT')
    await expect(refused).rejects.toThrow(UserError)
    await expect(refused).rejects.toThrow(
      `Port ${port}, meant for Postgres, is taken: stop the program that uses it, or choose another port with DB_PORT.`,
    )
  },
)
