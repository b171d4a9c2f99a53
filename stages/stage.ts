import { fieldOf, type Body, type Field } from './body.ts'
import type { Json } from './json.ts'
import { Refusal } from './refusal.ts'

/** One step of the pipeline, as the machinery sees it. */
export interface Stage {
  /** Kebab-case; also the name of its consumer group and of its rows. */
  readonly name: string
  /** The topic it reads; it writes to the one that the next stage reads. */
  readonly reads: string
  /** The field that it adds to the body. */
  readonly adds: string
  /**
   * What to add, as a value for JSON.stringify. Pure: the same body gives the same.
   * @throws {Refusal} when the body has no answer
   */
  readonly apply: (body: Body) => unknown
}

/** Turns a field into what a stage computes with. @throws {Refusal} when it is not that */
export type Reader<Value> = (field: Field) => Value

type Readers = Readonly<Record<string, Reader<unknown>>>

interface Definition<Needs extends Readers> extends Omit<Stage, 'apply'> {
  /** The fields that must be there, and how each is read. */
  readonly needs: Needs
  readonly compute: (fields: { readonly [Name in keyof Needs]: ReturnType<Needs[Name]> }) => Json
}

/** A stage from what it needs and what it computes. @throws {Refusal} 'missing-field', from `apply` */
export function defineStage<const Needs extends Readers>(definition: Definition<Needs>): Stage {
  const { name, reads, adds, needs, compute } = definition
  const readers = Object.entries(needs)
  const apply = (body: Body): Json => {
    const fields: Record<string, unknown> = {}
    for (const [need, read] of readers) {
      const field = fieldOf(body, need)
      if (field === undefined) throw lacks(body, name, Object.keys(needs))
      fields[need] = read(field)
    }
    return compute(fields as Parameters<typeof compute>[0])
  }
  return { name, reads, adds, apply }
}

function lacks(body: Body, stage: string, needs: readonly string[]): Refusal {
  const missing = needs.filter((need) => !Object.hasOwn(body.fields, need)).join(', ')
  const remedy = 'Add what is missing, or send the body to an earlier stage.'
  return new Refusal('missing-field', `The body lacks ${missing}, which the stage ${stage} needs. ${remedy}`)
}
