import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { average } from './average.ts'
import { parseBody, withField } from './body.ts'
import { pipeline } from './index.ts'
import { Refusal } from './refusal.ts'
import { squareRoot } from './square-root.ts'
import type { Stage } from './stage.ts'

/** A number, or how to spell out some: known-answers.py has the same. */
type Item =
  | string
  | { readonly repeat: readonly [token: string, count: number] }
  | { readonly random: readonly [seed: number, count: number, low: number, high: number, decimals: number] }
  | { readonly power: readonly [base: number, exponent: number] }
  | { readonly digits: readonly [digits: string, count: number] }

type Refused = { readonly refused: string; readonly names: string }
type Answer = string | Refused | { readonly length: number; readonly sha256: string }

interface KnownAnswers {
  readonly flows: readonly {
    readonly about: string
    readonly numbers: readonly Item[]
    readonly answers: Readonly<Record<string, Answer>> & { readonly sin: readonly number[] | Refused }
  }[]
  readonly averages: readonly {
    readonly about: string
    readonly sum: Item
    readonly count: number
    readonly answer: Answer
  }[]
  readonly roots: readonly { readonly about: string; readonly radicand: Item; readonly answer: Answer }[]
}

const known = JSON.parse(readFileSync(new URL('known-answers.json', import.meta.url), 'utf8')) as KnownAnswers

test('there are hundreds of them', () => {
  expect(known.flows.length).toBeGreaterThan(300)
})

describe('every stage in turn answers as computed apart from it', () => {
  test.each(known.flows)('$about', ({ numbers, answers }) => {
    let text = `{"numbers":[${numbers.flatMap(spelled).join(',')}]}`
    for (const stage of pipeline) {
      const result = run(stage, text)
      expectAnswer(stage, result, answers[stage.adds])
      if (typeof result === 'string') text = withField(parseBody(text), stage.adds, result)
    }
  })
})

describe('an average rounds to the nearest double', () => {
  test.each(known.averages)('$about', ({ sum, count, answer }) => {
    const ones = Array.from({ length: count }, () => 1)
    const text = `{"numbers":${JSON.stringify(ones)},"sum":${spelled(sum).join('')}}`
    expectAnswer(average, run(average, text), answer)
  })
})

describe('a square root rounds to the nearest double', () => {
  test.each(known.roots)('$about', ({ radicand, answer }) => {
    const text = `{"lcm":1,"sum":${spelled(radicand).join('')},"product":1,"average":1}`
    const expected = typeof answer === 'string' ? `{"lcm":1,"sum":${answer},"product":1,"average":1}` : answer
    expectAnswer(squareRoot, run(squareRoot, text), expected)
  })
})

function run(stage: Stage, text: string): string | Refusal {
  try {
    return JSON.stringify(stage.apply(parseBody(text)))
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

function expectAnswer(stage: Stage, result: string | Refusal, answer: unknown): void {
  if (result instanceof Refusal) expectRefusal(result, answer as Refused)
  else if (stage.adds === 'sin') expectSines(JSON.parse(result) as number[], answer as number[])
  else if (typeof answer === 'string') expect(result).toBe(answer)
  else if (stage.adds === 'sqrt') expect(result).toBe(objectText(answer as Record<string, string>))
  else expect({ length: result.length, sha256: sha256(result) }).toEqual(answer)
}

function expectRefusal(refusal: Refusal, { refused, names }: Refused): void {
  expect(refusal.code, refusal.message).toBe(refused)
  expect(refusal.message).toContain(names)
}

/** Platforms differ in the last bit of a sine. */
function expectSines(sines: readonly number[], answer: readonly number[]): void {
  expect(answer.length).toBeGreaterThan(0)
  for (const [index, sine] of answer.entries())
    expect(ulpsApart(sines[index] ?? Number.NaN, sine)).toBeLessThanOrEqual(1)
}

function ulpsApart(one: number, other: number): number {
  if (one === other) return 0
  const [a = 0n, b = 0n] = new BigInt64Array(new Float64Array([one, other]).buffer)
  return Math.abs(Number(a - b))
}

/** Roots are kept as text, digit for digit. */
function objectText(fields: Readonly<Record<string, string>>): string {
  const members = Object.entries(fields).map(([name, json]) => `"${name}":${json}`)
  return `{${members.join(',')}}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function spelled(item: Item): string[] {
  if (typeof item === 'string') return [item]
  if ('repeat' in item) return Array.from({ length: item.repeat[1] }, () => item.repeat[0])
  if ('power' in item) return [String(BigInt(item.power[0]) ** BigInt(item.power[1]))]
  if ('digits' in item) return [item.digits[0].repeat(item.digits[1])]
  return randomTokens(...item.random)
}

function randomTokens(seed: number, count: number, low: number, high: number, decimals: number): string[] {
  let state = seed
  return Array.from({ length: count }, () => {
    state = (state * 48_271) % 2_147_483_647
    const units = low + (state % (high - low + 1))
    const digits = String(Math.abs(units)).padStart(decimals + 1, '0')
    const text = decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
    return (units < 0 ? '-' : '') + text
  })
}
