import { readMessage } from '../sql/read-message.ts'
import { renderMessage } from '../cli/render/render-message.ts'
import { look as terminal } from '../cli/output.ts'
import type { Status } from '../sql/read-status.ts'
import { newMessageId } from '../pipeline/message.ts'
import { DemoFailure, mustLive } from './demo-endings.ts'
import { missingOf, readOutcome, renderOutcome } from './demo-outcome.ts'
import { untilDone } from './demo-patience.ts'
import type { RunningPipeline } from './demo-pipeline.ts'
import { LOOK_EVERY_MS, demoView } from './demo-view.ts'

const PATIENCE_MS = 60_000

/**
 * Lets this many messages in, shows them on their way, and says what became of them and how one of them went.
 * @throws {DemoFailure} when one is neither finished nor dead after nothing has moved for a while
 */
export async function letThrough(messages: number, running: RunningPipeline): Promise<void> {
  const { database, processes, ending, log, say } = running
  const since = newMessageId()
  const generator = await processes.startGenerator(messages)
  mustLive({ ...generator, mayFinish: true }, ending)
  const areThrough = async (status: Status) => {
    // The exact account looks at every message, so the counters are asked first.
    if (!generator.ended || settled(status) - settled(running.before) < messages) return false
    const outcome = await log.orWarning('The messages cannot be counted', readOutcome(database, since))
    return outcome !== undefined && missingOf(outcome, messages) === 0
  }
  const isComplete = await untilThrough(areThrough, running)
  const outcome = await readOutcome(database, since)
  say(`${renderOutcome(outcome, messages)}\n`)
  if (outcome.typicalId !== null) {
    say(renderMessage(await readMessage(database, outcome.typicalId), terminal().width))
  }
  if (isComplete) return
  const missing = missingOf(outcome, messages)
  throw new DemoFailure(`Messages are missing: ${missing}. Nothing has moved for ${PATIENCE_MS / 1000} s.`)
}

async function untilThrough(
  areThrough: (status: Status) => Promise<boolean>,
  { look, before, ending: { signal }, log }: RunningPipeline,
): Promise<boolean> {
  const view = demoView(process.stdout, log)
  let latest = before
  const show = async () => {
    const status = await look()
    signal.throwIfAborted()
    view.show(status)
    latest = status ?? latest
    return status
  }
  const last = await untilDone({
    look: show,
    isDone: areThrough,
    progressOf: ({ entered, stages }) => stages.reduce((sum, { done, dead }) => sum + done + dead, entered),
    patienceMs: PATIENCE_MS,
    everyMs: LOOK_EVERY_MS,
    signal,
  })
  view.end(latest)
  return last !== undefined
}

function settled({ finished, dead }: Status): number {
  return finished + dead
}
