import { kafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { createLog } from '../telemetry/log.ts'
import { endTopics, routes } from '../pipeline/route.ts'
import { pipeline } from '../stages/index.ts'
import type { Trial } from './trial.ts'

/** Tells how many messages are done with, without asking Postgres, which has enough to do. */
export interface Committed extends AsyncDisposable {
  /** By the stage at a position. */
  readonly at: (position: number) => Promise<number>
  readonly atLast: () => Promise<number>
  readonly byTracer: () => Promise<number>
}

export async function openCommitted({ config }: Trial): Promise<Committed> {
  const admin = createKafka(kafkaSettings(config, 'bench'), createLog('silent', {})).admin()
  await admin.connect()
  const committed = async (groupId: string, topics: readonly string[]) => {
    const all = await admin.fetchOffsets({ groupId, topics: [...topics] })
    // -1: nothing was committed yet. The topics of a trial begin at 0.
    return all
      .flatMap(({ partitions }) => partitions)
      .reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
  }
  const at = (position: number) => {
    const route = routes(config)[position - 1]
    if (route === undefined) throw new RangeError(`There is no stage ${position}`)
    return committed(route.group, [route.source])
  }
  const { group, topics } = endTopics(config)
  return {
    at,
    atLast: () => at(pipeline.length),
    byTracer: () => committed(group, topics),
    [Symbol.asyncDispose]: () => admin.disconnect(),
  }
}
