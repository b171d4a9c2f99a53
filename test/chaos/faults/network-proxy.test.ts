import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { startNetworkProxy } from './network-proxy.ts'

/** A proxy in front of a server that sends everything back. */
async function startEcho() {
  const server = createServer((socket) => void socket.on('error', () => {}).pipe(socket))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const proxy = await startNetworkProxy()
  proxy.target = (server.address() as AddressInfo).port
  const open = () => connect({ host: '127.0.0.1', port: proxy.port })
  const dispose = async () => {
    await proxy[Symbol.asyncDispose]()
    server.close()
  }
  return { proxy, open, [Symbol.asyncDispose]: dispose }
}

const answer = async (socket: ReturnType<typeof connect>, text: string) => {
  socket.write(text)
  const [data] = (await once(socket, 'data')) as [Buffer]
  return data.toString()
}

test('what hangs is forwarded later, on old and new connections', async () => {
  await using echo = await startEcho()
  const old = echo.open()
  expect(await answer(old, 'a')).toBe('a')
  echo.proxy.hang()
  const answers = [answer(old, 'b'), answer(echo.open(), 'c')]
  const late = new Promise((resolve) => setTimeout(resolve, 100, 'late'))
  expect(await Promise.race([...answers, late])).toBe('late')
  await echo.proxy.restore()
  expect(await Promise.all(answers)).toEqual(['b', 'c'])
})

test('a refusing proxy breaks connections, and accepts new ones afterwards', async () => {
  await using echo = await startEcho()
  const old = echo.open()
  expect(await answer(old, 'a')).toBe('a')
  const closed = once(old, 'close')
  await echo.proxy.refuse()
  await closed
  await expect(answer(echo.open(), 'b')).rejects.toThrow('ECONNREFUSED')
  await echo.proxy.restore()
  expect(await answer(echo.open(), 'c')).toBe('c')
})
