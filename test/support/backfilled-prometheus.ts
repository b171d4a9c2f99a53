import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freePort } from '../../local/free-port.ts'
import { startPrometheus } from '../../local/prometheus.ts'
import { runToEnd } from '../../local/run-to-end.ts'
import { throwAwayDirectory } from '../../local/throw-away-directory.ts'

export interface BackfilledPrometheus extends AsyncDisposable {
  readonly port: number
}

/**
 * A Prometheus that remembers what it never scraped.
 * @param lines of OpenMetrics text, each with its time, in the order of time
 */
export async function backfilledPrometheus(
  command: string,
  lines: readonly string[],
): Promise<BackfilledPrometheus> {
  await using starting = new AsyncDisposableStack()
  const { path } = starting.use(await throwAwayDirectory())
  const data = join(path, 'data')
  await mkdir(data)
  await writeFile(join(path, 'hours.om'), `${lines.join('\n')}\n# EOF\n`)
  await runToEnd({
    name: 'promtool',
    // It comes with Prometheus.
    command: join(dirname(command), 'promtool'),
    args: ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', join(path, 'hours.om'), data],
  })
  const options = { command, port: await freePort(), dataDir: path, say: () => {} }
  const { port } = starting.use(await startPrometheus(options))
  const running = starting.move()
  return { port, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
