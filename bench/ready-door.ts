import { createServer } from 'node:http'

/** Answers whether a process of the bench is connected and has its partitions, whatever is asked. */
export function openReadyDoor(port: number, isReady: () => boolean): void {
  const server = createServer((_, response) => void response.writeHead(isReady() ? 200 : 503).end())
  server.listen(port, '127.0.0.1').unref()
}
