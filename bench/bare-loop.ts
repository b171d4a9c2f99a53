import { runToEnd } from '../local/run-to-end.ts'
import { finish, pipeline } from '../stages/index.ts'
import { script } from './throughline.ts'
import type { Trial } from './trial.ts'

export interface BareLoop {
  readonly records: number
  readonly rows: boolean
  readonly signal: AbortSignal
}

export interface BareSpeed {
  /** Records a second, from the first begun at the first hop to the last done at the last one. */
  readonly perSecond: number
  /** Microseconds of processor time a record, all hops together. */
  readonly cpu: number
}

/** What a hop says at its end. */
interface Said {
  readonly begunAt: number
  readonly endedAt: number
  readonly cpu: number
}

/** Passes what waits on the first topic through as many bare hops as there are stages. The first is started last. */
export async function bareLoop({ env }: Trial, loop: BareLoop): Promise<BareSpeed> {
  const ending = new AbortController()
  const signal = AbortSignal.any([loop.signal, ending.signal])
  const run = async (index: number, onReady: () => void) => {
    const args = [
      'bench/bare-hop.ts',
      topics[index] ?? '',
      topics[index + 1] ?? '',
      '--records',
      `${loop.records}`,
    ]
    const command = script(loop.rows ? [...args, '--rows'] : args, env)
    const onLine = (line: string) => void (line === 'ready' && onReady())
    const said = await runToEnd({ ...command, signal, onLine })
    return JSON.parse(said.split('\n').at(-1) ?? '') as Said
  }
  const ready = pipeline.map(() => Promise.withResolvers<void>())
  const behind = ready.slice(1).map(({ resolve }, index) => run(index + 1, resolve))
  const first = Promise.all(ready.slice(1).map(({ promise }) => promise)).then(() => run(0, () => {}))
  try {
    const [front, ...others] = await Promise.all([first, ...behind])
    const all = [front, ...others]
    const seconds = (Math.max(...all.map(({ endedAt }) => endedAt)) - front.begunAt) / 1000
    return {
      perSecond: loop.records / seconds,
      cpu: all.reduce((sum, { cpu }) => sum + cpu, 0) / loop.records,
    }
  } finally {
    // Where one has failed the others would wait for ever.
    ending.abort(new Error('The bare loop is over'))
  }
}

const topics = [...pipeline.map(({ reads }) => reads), finish]
