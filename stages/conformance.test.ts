import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseBody, sourceOf, withField, type Body } from './body.ts'
import { finish, inputField, pipeline } from './index.ts'
import { Refusal } from './refusal.ts'
import type { Stage } from './stage.ts'
import { noContext } from '../test/support/data/compute-context.ts'

/** A body for every stage, with details that must not change: spaces, a long number, an unknown field. */
const sample = `{ "note": "kept é", "${inputField}": [76452, 61211234.50, 8243724] , "extra": 0.10000000000000000001}`

/** Each stage with its input body for the sample. */
const cases = pipeline.map((stage, index) => ({
  ...stage,
  stage,
  body: parseBody(after(pipeline.slice(0, index))),
}))

function after(stages: readonly Stage[]): string {
  return stages.reduce((text, stage) => next(stage, parseBody(text)), sample)
}

function next(stage: Stage, body: Body): string {
  // A test asks no other system.
  return withField(body, stage.adds, stage.external ? '1' : JSON.stringify(stage.apply(body, noContext)))
}

describe('the catalogue', () => {
  test('has stages with unique names, topics and fields', () => {
    expect(pipeline.length).toBeGreaterThan(0)
    for (const key of ['name', 'reads', 'adds'] as const) {
      expect(new Set(pipeline.map((stage) => stage[key])).size).toBe(pipeline.length)
    }
  })

  test('ends on a topic that no stage reads', () => {
    expect(pipeline.map(({ reads }) => reads)).not.toContain(finish)
  })

  test('has every stage of this directory, each in the file of its name', async () => {
    const files = readdirSync(import.meta.dirname).filter((file) => /^[a-z\d-]+\.ts$/.test(file) && file !== 'index.ts')
    const found = await Promise.all(files.map((file) => stagesOf(file.replace('.ts', ''))))
    expect(new Set(found.flat().map(({ stage }) => stage))).toEqual(new Set(pipeline))
    for (const { stage, file } of found.flat()) expect(file).toBe(stage.name)
  })
})

async function stagesOf(file: string): Promise<{ file: string; stage: Stage }[]> {
  const module = (await import(/* @vite-ignore */ `./${file}.ts`)) as Record<string, unknown>
  const stages = Object.values(module).filter(isStage)
  return stages.map((stage) => ({ file, stage }))
}

describe.each(cases)('the stage $name', ({ stage }) => {
  test('has a kebab-case name and a valid topic name', () => {
    expect(stage.name).toMatch(/^[a-z][a-z\d]*(-[a-z\d]+)*$/)
    expect(stage.reads).toMatch(/^[\w.-]{1,249}$/)
  })
})

describe.each(cases.filter(({ external }) => external === undefined))('the pure stage $name', ({ stage, body }) => {
  test('returns JSON for the sample', () => {
    const json = JSON.stringify(stage.apply(body, noContext))
    expect(() => void JSON.parse(json)).not.toThrow()
    expect(sourceOf(parseBody(next(stage, body)), stage.adds)).toBe(json)
  })

  test('is pure: the same body gives the same result and is not changed', () => {
    const frozen: Body = { text: body.text, fields: deepFrozen(body.fields) }
    expect(JSON.stringify(stage.apply(frozen, noContext))).toBe(
      JSON.stringify(stage.apply(parseBody(body.text), noContext)),
    )
  })

  test('keeps every byte of the body before its own field', () => {
    const before = body.text.slice(0, body.text.lastIndexOf('}'))
    expect(next(stage, body)).toBe(`${before},"${stage.adds}":${JSON.stringify(stage.apply(body, noContext))}}`)
  })

  test('refuses a body without a required field and names the field', () => {
    const refusals = Object.keys(body.fields).flatMap((field) => refusalWithout(stage, body, field))
    expect(refusals).not.toHaveLength(0)
    for (const { field, refusal } of refusals) {
      expect(refusal).toMatchObject({
        code: 'missing-field',
        message: expect.stringContaining(field) as string,
      })
    }
  })

  test('names all missing fields of an empty body at once', () => {
    const needs = Object.keys(body.fields).filter((field) => refusalWithout(stage, body, field).length > 0)
    const message = refusalOf(stage, parseBody('{}'))?.message
    for (const field of needs) expect(message).toContain(field)
  })
})

function refusalWithout(stage: Stage, { fields }: Body, field: string): { field: string; refusal: Refusal }[] {
  const { [field]: _, ...others } = fields
  const refusal = refusalOf(stage, parseBody(JSON.stringify(others)))
  return refusal === undefined ? [] : [{ field, refusal }]
}

function refusalOf(stage: Stage, body: Body): Refusal | undefined {
  try {
    stage.apply(body, noContext)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

function isStage(value: unknown): value is Stage {
  return typeof value === 'object' && value !== null && 'apply' in value && 'reads' in value
}

function deepFrozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFrozen)
  return value
}
