import type { LocalServer } from '../../local/local-server.ts'

export interface Absence extends AsyncDisposable {
  /** Starts it again on the same data; settles when it is ready. */
  bringBack(): Promise<void>
}

/** Stops a server, or kills it, until it is brought back: at the latest when the absence is disposed of. */
export async function takeAway(
  server: LocalServer,
  signal: 'SIGINT' | 'SIGKILL' = 'SIGINT',
): Promise<Absence> {
  let isAway = true
  if (signal === 'SIGKILL') {
    server.kill('SIGKILL')
    await server.exited
  } else {
    await server.stop()
  }
  const bringBack = async () => {
    if (isAway) await server.restart()
    isAway = false
  }
  return { bringBack, [Symbol.asyncDispose]: bringBack }
}
