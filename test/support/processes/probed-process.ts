import type { Exit } from '../../../local/child-process.ts'
import { freePort } from '../../../local/host-resources.ts'
import { startThroughline } from '../../../local/throughline-process.ts'
import { childEnvironment } from '../../../pipeline/config.ts'

/** A process of the pipeline with its log and its health probes. */
export interface ProbedProcess extends AsyncDisposable {
  /** The log messages that match. */
  logged(pattern: RegExp): readonly string[]
  /** The status codes of /healthz and /readyz; 0 without a response. */
  probes(): Promise<[alive: number, ready: number]>
  kill(signal: NodeJS.Signals): void
  readonly exited: Promise<Exit>
}

/** The status codes of a process that is alive, and ready or not. */
export const [ready, notReady] = [
  [200, 200],
  [200, 503],
]

export async function startProbed(args: readonly string[], env: Readonly<Record<string, string>>): Promise<ProbedProcess> {
  const port = await freePort()
  const messages: string[] = []
  const child = await startThroughline({
    name: args.join(' '),
    args,
    env: childEnvironment({ ...env, METRICS_PORT: String(port), LOG_LEVEL: 'info' }),
    onLine: (line) => messages.push(messageOf(line)),
  })
  const probe = async (path: string) => {
    try {
      return (await fetch(`http://127.0.0.1:${port}${path}`)).status
    } catch {
      return 0
    }
  }
  return {
    logged: (pattern) => messages.filter((message) => pattern.test(message)),
    probes: async () => [await probe('/healthz'), await probe('/readyz')],
    kill: (signal) => child.kill(signal),
    exited: child.exited,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

/** The message of a log line. A line that is not JSON, such as a stack trace, is the message. */
function messageOf(line: string): string {
  return line.startsWith('{') ? (JSON.parse(line) as { msg: string }).msg : line
}
