import { afterEach, describe, expect, test, vi } from 'vitest'
import { lcm } from '../lcm.ts'
import { multiply } from '../multiply.ts'
import { parseBody } from '../body.ts'
import { pipeline } from '../index.ts'
import type { Refusal } from '../refusal.ts'
import type { Stage } from '../stage.ts'
import * as integers from './integers.ts'
import { noContext } from '../../test/support/data/compute-context.ts'

// The spies show that a body over a limit is refused before the arithmetic that would block the process.
vi.mock('./integers.ts', { spy: true })

afterEach(() => {
  vi.restoreAllMocks()
})

const many = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join(',')

function refusal(stage: Stage, numbers: string): Refusal {
  try {
    stage.apply(parseBody(`{"numbers":[${numbers}],"sum":0}`), noContext)
  } catch (error) {
    return error as Refusal
  }
  throw new Error('the stage returned a result')
}

describe('a body over a limit is refused at once', () => {
  test.each([
    '1e400000',
    '1e-400000',
    '-1e999999999999999999999',
    '1E-999999999999999999999',
    `1e${'9'.repeat(400)}`,
    '7'.repeat(900_000),
  ])('a number like %.30s makes no big integer', (number) => {
    const bigInt = vi.spyOn(globalThis, 'BigInt')
    const exact = pipeline.filter(({ name }) => ['add', 'multiply', 'lcm'].includes(name))
    for (const stage of exact) expect(refusal(stage, number).code).toBe('too-many-digits')
    expect(bigInt).not.toHaveBeenCalled()
  })

  test.each([
    ['ten million digits from a short text', many(10_000, () => '9e998')],
    ['ten million decimals from a short text', many(10_000, () => '9e-998')],
    ['900 long numbers', many(900, (index) => `${index + 1}${'7'.repeat(990)}`)],
    ['900 long decimals', many(900, (index) => `${index + 1}.${'7'.repeat(990)}`)],
  ])('a product of %s is not computed', (_, numbers) => {
    expect(refusal(multiply, numbers).code).toBe('result-too-long')
    expect(integers.multiplyAll).not.toHaveBeenCalled()
  })

  test('an lcm stops when it is too long', () => {
    expect(
      refusal(
        lcm,
        many(900, (index) => `${index + 1}${'7'.repeat(990)}`),
      ).code,
    ).toBe('result-too-long')
    expect(vi.mocked(integers.greatestCommonDivisor).mock.calls.length).toBeLessThan(150)
  })

  test('an lcm of exponents far apart computes without the powers of ten', () => {
    const numbers = many(10_000, (index) => `${1 + (index % 9)}e${((index * 37) % 1998) - 999}`)
    lcm.apply(parseBody(`{"numbers":[${numbers}]}`), noContext)
    for (const [first] of vi.mocked(integers.greatestCommonDivisor).mock.calls) expect(first).toBeLessThan(10n)
  })
})
