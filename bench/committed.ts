import { kafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { createLog } from '../pipeline/log.ts'
import { routes } from '../pipeline/route.ts'
import type { Trial } from './trial.ts'

/** Tells how many messages the stages are done with, without asking Postgres, which has enough to do. */
export interface Committed extends AsyncDisposable {
  readonly at: (position: number) => Promise<number>
}

export async function openCommitted({ config }: Trial): Promise<Committed> {
  const admin = createKafka(kafkaSettings(config, 'bench'), createLog('silent', {})).admin()
  await admin.connect()
  return {
    async at(position) {
      const route = routes(config)[position - 1]
      if (route === undefined) throw new RangeError(`There is no stage ${position}`)
      const [topic] = await admin.fetchOffsets({ groupId: route.group, topics: [route.source] })
      // -1: nothing was committed yet. The topics of a trial begin at 0.
      return (topic?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
    },
    [Symbol.asyncDispose]: () => admin.disconnect(),
  }
}
