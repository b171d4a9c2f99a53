import type { LocalServer } from '../../../local/local-server.ts'

export interface StoppedServer extends AsyncDisposable {
  /** Starts the server again with the same data. Resolves when it is ready. */
  restart(): Promise<void>
}

/** Stops or kills a server. It is started again by `restart`, or when the result is disposed. */
export async function stopServer(server: LocalServer, signal: 'SIGINT' | 'SIGKILL' = 'SIGINT'): Promise<StoppedServer> {
  let isStopped = true
  if (signal === 'SIGKILL') {
    server.kill('SIGKILL')
    await server.exited
  } else {
    await server.stop()
  }
  const restart = async () => {
    if (isStopped) await server.restart()
    isStopped = false
  }
  return { restart, [Symbol.asyncDispose]: restart }
}
