import { runToEnd } from '../local/run-to-end.ts'
import { finish, pipeline } from '../stages/index.ts'
import { script } from './throughline.ts'
import type { Trial } from './trial.ts'

export interface BareLoop {
  readonly hops: number
  readonly records: number
  readonly rows: boolean
  readonly signal: AbortSignal
}

export interface BareSpeed {
  /** Records a second that leave the last hop, from its first batch to its last. */
  readonly perSecond: number
  /** Microseconds of processor time a record, all hops together. */
  readonly cpu: number
}

/** Passes what waits on the first topic through so many bare hops, each a process. */
export async function bareLoop(
  { env }: Trial,
  { hops, records, rows, signal }: BareLoop,
): Promise<BareSpeed> {
  const topics = [...pipeline.map(({ reads }) => reads), finish]
  const running = topics.slice(0, hops).map(async (topic, index) => {
    const args = ['bench/bare-hop.ts', topic, topics[index + 1] ?? finish, '--records', String(records)]
    const said = await runToEnd({ ...script(rows ? [...args, '--rows'] : args, env), signal })
    return JSON.parse(said) as BareSpeed
  })
  const speeds = await Promise.all(running)
  return {
    perSecond: speeds.at(-1)?.perSecond ?? Number.NaN,
    cpu: speeds.reduce((sum, { cpu }) => sum + cpu, 0),
  }
}
