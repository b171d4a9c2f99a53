import type { Exit } from '../../local/child-process.ts'
import { freePort } from '../../local/free-port.ts'
import { startProcess } from '../../local/pipeline-process.ts'
import { childEnvironment } from '../../pipeline/config.ts'

/** A process of the pipeline whose log and doors are watched. */
export interface WatchedProcess extends AsyncDisposable {
  /** The messages of its log that match. */
  said(pattern: RegExp): readonly string[]
  /** The status of /healthz, then of /readyz; 0 for no answer. */
  doors(): Promise<[alive: number, ready: number]>
  kill(signal: NodeJS.Signals): void
  readonly exited: Promise<Exit>
}

/** Alive and ready, alive and not ready. */
export const [ready, waiting] = [
  [200, 200],
  [200, 503],
]

export async function watchProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<WatchedProcess> {
  const port = await freePort()
  const messages: string[] = []
  const child = await startProcess({
    name: args.join(' '),
    args,
    env: childEnvironment({ ...env, METRICS_PORT: String(port), LOG_LEVEL: 'info' }),
    onLine: (line) => messages.push(messageOf(line)),
  })
  const ask = async (path: string) => {
    try {
      return (await fetch(`http://127.0.0.1:${port}${path}`)).status
    } catch {
      return 0
    }
  }
  return {
    said: (pattern) => messages.filter((message) => pattern.test(message)),
    doors: async () => [await ask('/healthz'), await ask('/readyz')],
    kill: (signal) => child.kill(signal),
    exited: child.exited,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

/** What a line of the log says; a line that is no JSON, such as an error's, says itself. */
function messageOf(line: string): string {
  return line.startsWith('{') ? (JSON.parse(line) as { msg: string }).msg : line
}
