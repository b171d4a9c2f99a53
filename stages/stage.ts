import { sourceOf, type Body } from './body.ts'
import type { Json } from './json.ts'
import { Refusal } from './refusal.ts'

/** One step of the pipeline, as pipeline/ runs it. */
export interface Stage {
  /** Kebab-case; also, after TOPIC_PREFIX, the name of its consumer group, and the `stage` of its rows. */
  readonly name: string
  /** The topic that it reads. It writes to the topic that the next stage reads. */
  readonly reads: string
  /** The field that it adds to the body. */
  readonly adds: string
  /** Of a stage that asks other systems. */
  readonly external?: ExternalWork
  /**
   * The new field's value, for JSON.stringify, or a promise of it. Pure, unless the stage has `external` work: the same body
   * gives the same value.
   * @throws {Refusal} when the body has no result
   * @throws {Transient} when trying again may help
   */
  readonly apply: (body: Body, context: ComputeContext) => unknown
}

/** How a stage asks other systems. Its work may be done again after a crash: `id` and `attempt` are then the same. */
export interface ExternalWork {
  /**
   * How many messages of a batch are computed at once; 1 by default. Their results keep the order. A process handles up to two
   * batches at once, of different partitions.
   */
  readonly concurrency?: number
  /** Milliseconds for one message with all its tries, at most {@link LONGEST_WORK_MS}; 10,000 by default. Then it is a dead letter. */
  readonly timeoutMs?: number
  /**
   * OpenTelemetry's instrumentations of the clients that `compute` uses, loaded where traces are exported. Their spans become
   * children of the message's span where the message is sampled. One that wraps a module, such as pg's, takes effect when the
   * stage requires the module after the start; one for fetch (undici's) needs nothing.
   */
  readonly instrumentations?: () => Promise<readonly unknown[]>
}

/** Milliseconds. With the second for which a batch takes up messages, less than a rebalance waits for a member. */
export const LONGEST_WORK_MS = 15_000

/** What `compute` is given besides the values. */
export interface ComputeContext {
  /** The message's id, 32 hex digits. With `attempt` it is a key for systems that must not do a thing twice. */
  readonly id: string
  readonly attempt: number
  /** Aborted when the time for the message is over, the partition is lost or the process stops. */
  readonly signal: AbortSignal
}

/** A field of a body. */
export interface Field {
  readonly name: string
  /** The value that JSON.parse returned. */
  readonly value: unknown
  /** Its exact JSON text, such as '[1.50,2]'. */
  readonly source: string
}

/** Converts a field for `compute`. @throws {Refusal} when the field does not have the expected form */
export type Reader<Value> = (field: Field) => Value

interface Definition<Values> extends Omit<Stage, 'apply'> {
  /** The required fields, each with its reader. */
  readonly needs: { readonly [Name in keyof Values]: Reader<Values[Name]> }
  readonly compute: (values: Values, context: ComputeContext) => Json | Promise<Json>
}

/**
 * Makes a stage. Its `apply` throws a Refusal 'missing-field' when a required field is absent.
 * @throws {RangeError} for a concurrency or a timeout that cannot be kept
 */
export function defineStage<Values>({ needs, compute, ...stage }: Definition<Values>): Stage {
  const { concurrency = 1, timeoutMs = 1 } = stage.external ?? {}
  if (!(Number.isInteger(concurrency) && concurrency >= 1 && timeoutMs > 0 && timeoutMs <= LONGEST_WORK_MS)) {
    throw new RangeError(`${stage.name}: concurrency is a whole number from 1, timeoutMs at most ${LONGEST_WORK_MS}`)
  }
  const readers = Object.entries<Reader<unknown>>(needs)
  const apply: Stage['apply'] = (body, context) => {
    const values: Record<string, unknown> = {}
    for (const [name, read] of readers) {
      const source = sourceOf(body, name)
      if (source === undefined) throw missingFields(body, stage.name, Object.keys(needs))
      values[name] = read({ name, value: body.fields[name], source })
    }
    return compute(values as Values, context)
  }
  return { ...stage, apply }
}

function missingFields({ fields }: Body, stage: string, needs: readonly string[]): Refusal {
  const missing = needs.filter((need) => !Object.hasOwn(fields, need)).join(', ')
  const remedy = 'Add what is missing, or send the body to an earlier stage.'
  return new Refusal('missing-field', `The body lacks ${missing}, which the stage ${stage} needs. ${remedy}`)
}
