import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freePort, temporaryDirectory } from '../../../local/host-resources.ts'
import { startPrometheus } from '../../../local/observability-servers.ts'
import { runToEnd } from '../../../local/child-process.ts'

/** Calls Prometheus's HTTP API and returns the data. @param path below /api/v1/ */
export async function queryPrometheus(
  port: number,
  path: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const url = new URL(`http://127.0.0.1:${port}/api/v1/${path}`)
  url.search = String(new URLSearchParams(parameters))
  const response = await fetch(url)
  const { data, error } = (await response.json()) as { data?: unknown; error?: string }
  if (error !== undefined) throw new Error(`Prometheus: ${error}`)
  return data
}

export interface BackfilledPrometheus extends AsyncDisposable {
  readonly port: number
}

/**
 * Starts a Prometheus with past samples, which promtool imports.
 * @param lines OpenMetrics text, each line with a timestamp, in order of time
 */
export async function startBackfilledPrometheus(command: string, lines: readonly string[]): Promise<BackfilledPrometheus> {
  await using starting = new AsyncDisposableStack()
  const { path } = starting.use(await temporaryDirectory())
  const data = join(path, 'data')
  await mkdir(data)
  await writeFile(join(path, 'samples.om'), `${lines.join('\n')}\n# EOF\n`)
  await runToEnd({
    name: 'promtool',
    // Installed beside Prometheus.
    command: join(dirname(command), 'promtool'),
    args: ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', join(path, 'samples.om'), data],
  })
  const options = { command, port: await freePort(), dataDir: path }
  const { port } = starting.use(await startPrometheus(options))
  const running = starting.move()
  return { port, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
