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
  /**
   * The new field's value, for JSON.stringify. Pure: the same body gives the same value.
   * @throws {Refusal} when the body has no result
   */
  readonly apply: (body: Body) => unknown
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
  readonly compute: (values: Values) => Json
}

/** Makes a stage. Its `apply` throws a Refusal 'missing-field' when a required field is absent. */
export function defineStage<Values>({ needs, compute, ...stage }: Definition<Values>): Stage {
  const readers = Object.entries<Reader<unknown>>(needs)
  const apply = (body: Body): Json => {
    const values: Record<string, unknown> = {}
    for (const [name, read] of readers) {
      const source = sourceOf(body, name)
      if (source === undefined) throw missingFields(body, stage.name, Object.keys(needs))
      values[name] = read({ name, value: body.fields[name], source })
    }
    return compute(values as Values)
  }
  return { ...stage, apply }
}

function missingFields({ fields }: Body, stage: string, needs: readonly string[]): Refusal {
  const missing = needs.filter((need) => !Object.hasOwn(fields, need)).join(', ')
  const remedy = 'Add what is missing, or send the body to an earlier stage.'
  return new Refusal('missing-field', `The body lacks ${missing}, which the stage ${stage} needs. ${remedy}`)
}
