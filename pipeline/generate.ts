import { parseBody, sourceOf } from '../stages/body.ts'
import { inputField } from '../stages/index.ts'
import { randomNumbers } from '../stages/random-numbers.ts'
import type { Config } from './config.ts'
import type { Input } from '../sql/inputs.ts'
import { newMessageId } from './message.ts'
import { sleep } from './sleep.ts'

export interface Generation {
  readonly config: Config
  /** From 0 up to but not 1. */
  readonly random: () => number
  /** Lets messages into the pipeline; resolves once the broker has them. */
  readonly enter: (inputs: readonly Input[]) => Promise<void>
  readonly signal: AbortSignal
  /** Told every few seconds that waiting for the next burst is all there is to do. */
  readonly onPause?: () => void
  /** Told when the rate was not kept, with how many messages a second entered instead. */
  readonly onSlow?: (perSecond: number) => void
  /** Stop after this many messages, without pauses; undefined for ever. */
  readonly messages?: number | undefined
}

/** The most messages that enter in one go: they are in memory together, each with its span. */
const MAX_BURST = 500

/** Position 0: makes messages, in bursts with pauses between, at a steady RATE, or a given number at once. */
export async function generate(generation: Generation): Promise<void> {
  const { config, messages } = generation
  if (messages !== undefined) await enterSome(generation, messages)
  else if (config.RATE !== undefined) await generateSteadily(generation, config.RATE)
  else await generateBursts(generation)
}

async function enterSome(generation: Generation, count: number): Promise<void> {
  for (let left = count; left > 0 && !generation.signal.aborted; left -= MAX_BURST) {
    await generation.enter(newInputs(generation, Math.min(left, MAX_BURST)))
  }
}

/** Seconds of messages that a slow moment may leave to be made up for. */
const MAX_OWED_SECONDS = 1
/** Between two looks whether the rate is kept. */
const RATE_WINDOW_MS = 10_000

/** Keeps the rate over any length of time: what a slow moment leaves undone is made up for. */
async function generateSteadily(generation: Generation, rate: number): Promise<void> {
  const { signal, onSlow } = generation
  const tickMs = Math.min(1000, Math.max(20, 1000 / rate))
  const maxOwed = Math.max(10, rate * MAX_OWED_SECONDS)
  let owed = 1
  let last = performance.now()
  const window = { begun: last, entered: 0, isShort: false }
  while (!signal.aborted) {
    const count = Math.floor(owed)
    if (count >= 1) await enterSome(generation, count)
    owed -= count
    window.entered += count
    await pause(tickMs, generation)
    const time = performance.now()
    const due = owed + ((time - last) / 1000) * rate
    owed = Math.min(maxOwed, due)
    window.isShort ||= due > maxOwed
    last = time
    if (time - window.begun < RATE_WINDOW_MS) continue
    if (window.isShort) onSlow?.(window.entered / ((time - window.begun) / 1000))
    Object.assign(window, { begun: time, entered: 0, isShort: false })
  }
}

async function generateBursts(generation: Generation): Promise<void> {
  const { config, random, signal } = generation
  while (!signal.aborted) {
    const seconds = config.SLEEP_MIN + random() * (config.SLEEP_MAX - config.SLEEP_MIN)
    await pause(seconds * 1000, generation)
    const span = config.MESSAGE_MAX - config.MESSAGE_MIN + 1
    const count = config.MESSAGE_MIN + Math.floor(random() * span)
    await enterSome(generation, count)
  }
}

let next = 0

function newInputs({ config, random }: Generation, count: number): Input[] {
  const ranges = {
    countMin: config.COUNT_MIN,
    countMax: config.COUNT_MAX,
    min: config.NUMBERS_MIN,
    max: config.NUMBERS_MAX,
    decimals: config.NUMBERS_DECIMALS,
  }
  return Array.from({ length: count }, () =>
    newInput(randomNumbers(random, ranges), next++ % config.TOPIC_PARTITIONS),
  )
}

export function newInput(body: string, partition: number): Input {
  return { id: newMessageId(), numbers: sourceOf(parseBody(body), inputField), body, partition }
}

const NOTICE_MS = 5000

async function pause(ms: number, { signal, onPause }: Generation): Promise<void> {
  for (let left = ms; left > 0 && !signal.aborted; left -= NOTICE_MS) {
    onPause?.()
    await sleep(Math.min(left, NOTICE_MS), signal)
  }
}
