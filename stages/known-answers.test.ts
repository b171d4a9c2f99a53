import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { average } from './average.ts'
import { parseBody, withField } from './body.ts'
import { pipeline } from './index.ts'
import { Refusal } from './refusal.ts'
import { squareRoot } from './square-root.ts'
import type { Stage } from './stage.ts'
import { noContext } from '../test/support/data/compute-context.ts'

/** The short form of some numbers; known_answers/spelling.py expands it in the same way. */
type Item = string | Random | { readonly repeat: readonly [token: string, count: number] } | Power | Digits
type Power = { readonly power: readonly [base: number, exponent: number, zeros?: number] }
type Digits = { readonly digits: readonly [digits: string, count: number] }
interface Random {
  readonly random: readonly [seed: number, count: number, low: number, high: number, decimals: number]
}

type Answer =
  | string
  | { readonly length: number; readonly sha256: string }
  | { readonly refused: string; readonly names: string }
  | Readonly<Record<string, string>>
  | readonly number[]

interface KnownAnswers {
  readonly flows: readonly {
    readonly about: string
    readonly numbers: readonly Item[]
    readonly answers: Readonly<Record<string, Answer>>
  }[]
  readonly averages: readonly {
    readonly about: string
    readonly sum: Item
    readonly count: number
    readonly answer: Answer
  }[]
  readonly roots: readonly { readonly about: string; readonly radicand: Item; readonly answer: Answer }[]
}

/** Longer results are stored as hashes, longer lists of sines are cut. */
const LONGEST_KEPT = 1_500
const SINES_KEPT = 25

const known = JSON.parse(readFileSync(new URL('known-answers.json', import.meta.url), 'utf8')) as KnownAnswers

test('there are hundreds of known answers', () => {
  expect(known.flows.length).toBeGreaterThan(300)
})

test('the topics of the six are those of the Python demo', () => {
  const topics = new Map(pipeline.map(({ name, reads }) => [name, reads]))
  const six = ['add', 'multiply', 'lcm', 'average', 'sine', 'square-root'].map((name) => topics.get(name))
  expect(six).toEqual(['start', 'stage2', 'stage3', 'stage4', 'stage5', 'stage6'])
})

// Results of 100,000 digits take a second when many processes share a core.
describe('every stage in turn returns the known answer', { timeout: 60_000 }, () => {
  test.each(known.flows)('$about', ({ numbers, answers }) => {
    let text = `{"numbers":[${numbers.flatMap(spelled).join(',')}]}`
    const given: Record<string, unknown> = {}
    for (const stage of pipeline.filter(({ adds }) => Object.hasOwn(answers, adds))) {
      const result = run(stage, text)
      given[stage.adds] = asAnswer(result, answers[stage.adds])
      if (typeof result === 'string') text = withField(parseBody(text), stage.adds, result)
    }
    expect(given).toEqual(answers)
  })
})

describe('an average rounds to the nearest double', () => {
  test.each(known.averages)('$about', ({ sum, count, answer }) => {
    const ones = Array.from({ length: count }, () => 1)
    const text = `{"numbers":${JSON.stringify(ones)},"sum":${spelled(sum).join('')}}`
    expect(asAnswer(run(average, text), answer)).toEqual(answer)
  })
})

describe('a square root rounds to the nearest double', () => {
  test.each(known.roots)('$about', ({ radicand, answer }) => {
    const text = `{"lcm":1,"sum":${spelled(radicand).join('')},"product":1,"average":1}`
    const roots = typeof answer === 'string' ? { lcm: '1', sum: answer, product: '1', average: '1' } : answer
    expect(asAnswer(run(squareRoot, text), roots)).toEqual(roots)
  })
})

function run(stage: Stage, text: string): string | Refusal {
  try {
    return JSON.stringify(stage.apply(parseBody(text), noContext))
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

/** A result in the form of the answer that is expected: equal to it when it agrees. */
function asAnswer(result: string | Refusal, answer: Answer | undefined): unknown {
  if (result instanceof Refusal) return refusalAsAnswer(result, answer)
  if (Array.isArray(answer)) return sinesAsAnswer(JSON.parse(result) as number[], answer as number[])
  if (result.startsWith('{')) return rootsAsText(result)
  if (result.length > LONGEST_KEPT) return { length: result.length, sha256: sha256(result) }
  return result
}

function refusalAsAnswer({ code, message }: Refusal, answer: Answer | undefined): unknown {
  const names = typeof answer === 'object' && 'names' in answer ? answer.names : ''
  return { refused: code, names: message.includes(names) ? names : message }
}

/** The known answer has only the first sines. Platforms differ in the last bit. */
function sinesAsAnswer(sines: readonly number[], answer: readonly number[]): readonly number[] {
  const first = sines.slice(0, SINES_KEPT)
  return first.map((sine, index) => (ulpsApart(sine, answer[index] ?? Number.NaN) <= 1 ? (answer[index] ?? 0) : sine))
}

function ulpsApart(one: number, other: number): number {
  if (one === other) return 0
  const [a = 0n, b = 0n] = new BigInt64Array(new Float64Array([one, other]).buffer)
  return Math.abs(Number(a - b))
}

/** The roots as text, because JSON.parse would change their digits. */
function rootsAsText(result: string): Readonly<Record<string, string>> {
  const members = result.slice(1, -1).split(',')
  return Object.fromEntries(members.map((member) => member.replaceAll('"', '').split(':') as [string, string]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function spelled(item: Item): string[] {
  if (typeof item === 'string') return [item]
  if ('repeat' in item) return Array.from({ length: item.repeat[1] }, () => item.repeat[0])
  if ('power' in item) return [powerText(item)]
  if ('digits' in item) return [item.digits[0].repeat(item.digits[1])]
  return randomTokens(item)
}

function powerText({ power: [base, exponent, zeros] }: Power): string {
  const integer = String(BigInt(base) ** BigInt(exponent))
  return zeros === undefined ? integer : `${integer}.${'0'.repeat(zeros)}`
}

function randomTokens({ random: [seed, count, low, high, decimals] }: Random): string[] {
  let state = seed
  return Array.from({ length: count }, () => {
    state = (state * 48_271) % 2_147_483_647
    const units = low + (state % (high - low + 1))
    const digits = String(Math.abs(units)).padStart(decimals + 1, '0')
    const text = decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
    return (units < 0 ? '-' : '') + text
  })
}
