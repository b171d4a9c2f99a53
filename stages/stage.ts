import { fieldOf, type Body, type Field } from './body.ts'
import type { Json } from './json.ts'
import { Refusal } from './refusal.ts'

/** One step of the pipeline, as pipeline/ runs it. */
export interface Stage {
  /** Kebab-case; also the name of its consumer group and the `stage` of its rows. */
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

/** Converts a field for `compute`. @throws {Refusal} when the field does not have the expected form */
export type Reader<Value> = (field: Field) => Value

type Readers = Readonly<Record<string, Reader<unknown>>>

interface Definition<Needs extends Readers> extends Omit<Stage, 'apply'> {
  /** The required fields, each with its reader. */
  readonly needs: Needs
  readonly compute: (fields: { readonly [Name in keyof Needs]: ReturnType<Needs[Name]> }) => Json
}

/** Makes a stage. Its `apply` throws a Refusal 'missing-field' when a required field is absent. */
export function defineStage<const Needs extends Readers>(definition: Definition<Needs>): Stage {
  const { name, reads, adds, needs, compute } = definition
  const readers = Object.entries(needs)
  const apply = (body: Body): Json => {
    const fields: Record<string, unknown> = {}
    for (const [need, read] of readers) {
      const field = fieldOf(body, need)
      if (field === undefined) throw missingFields(body, name, Object.keys(needs))
      fields[need] = read(field)
    }
    return compute(fields as Parameters<typeof compute>[0])
  }
  return { name, reads, adds, apply }
}

function missingFields(body: Body, stage: string, needs: readonly string[]): Refusal {
  const missing = needs.filter((need) => !Object.hasOwn(body.fields, need)).join(', ')
  const remedy = 'Add what is missing, or send the body to an earlier stage.'
  return new Refusal('missing-field', `The body lacks ${missing}, which the stage ${stage} needs. ${remedy}`)
}
