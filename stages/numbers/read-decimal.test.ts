import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../test/support/data/random.ts'
import { plain, readDecimal } from './decimal.ts'
import { decimals } from './readers.ts'

const fromList = (list: string): readonly string[] =>
  decimals({ name: 'numbers', value: JSON.parse(list), source: list }).map(plain)

const fromText = (list: string): readonly string[] =>
  list
    .slice(1, -1)
    .split(',')
    .map((token) => readDecimal(token.trim(), 1000))
    .map((number) => (number === undefined ? 'too long' : plain(number)))

describe('a list has the numbers in its text', () => {
  test.each([
    '[1]',
    '[0,-0,-7]',
    '[ 12 ,\n3\t]',
    '[9007199254740991,-9007199254740991]',
    '[0.1,0.2,-0.30]',
    '[12.50, 3, 0.125]',
    '[-0.0,0.00]',
    '[123456789012345,0]',
    '[1.2345678901234]',
    '[99999999999.99]',
  ])('%s', (list) => {
    expect(fromList(list)).toEqual(fromText(list))
  })

  test.each([
    ['a double that is an integer where a fraction stands', '[1.00000000000000000001]'],
    ['a double that is a short decimal where a long one stands', '[0.1000000000000000055511151231257827]'],
    ['an integer beyond the safe ones', '[9007199254740993]'],
    ['more digits than survive a double', '[1234567890123456.5]'],
    ['an exponent', '[1e3]'],
    ['an exponent in capitals', '[1E3,2]'],
    ['one long number among short ones', '[1.5,2.5,1.00000000000000000001,3]'],
    ['short numbers that one scale makes long', '[12345678901234,0.000000000001]'],
    ['a short fraction whose double is a safe integer', '[2.0,3]'],
  ])('also with %s', (_, list) => {
    expect(fromList(list)).toEqual(fromText(list))
  })

  test('of any length', () => {
    const random = seededRandom(7)
    const digits = (most: number): string =>
      Array.from({ length: 1 + Math.floor(random() * most) }, () => Math.floor(random() * 10)).join('')
    const token = (): string => `${random() < 0.3 ? '-' : ''}${Number(digits(20))}${random() < 0.2 ? `.${digits(8)}` : ''}`
    const lists = Array.from({ length: 5000 }, () => {
      const tokens = Array.from({ length: 1 + Math.floor(random() * 5) }, token)
      return `[${tokens.join(random() < 0.5 ? ',' : ' , ')}]`
    })
    const areIntegers = lists.filter((list) => (JSON.parse(list) as number[]).every(Number.isSafeInteger))
    expect(areIntegers.length).toBeGreaterThan(1000)
    expect(areIntegers.length).toBeLessThan(4000)
    expect(lists.map(fromList)).toEqual(lists.map(fromText))
  })
})

describe('reading a number from its text', () => {
  test.each([
    ['1.50', '1.5'],
    ['-0', '0'],
    ['1e3', '1000'],
    ['1.5E-7', '0.00000015'],
    ['-12.5e+1', '-125'],
    ['0e999999', '0'],
    ['0.000e-999999', '0'],
    ['0.001e3', '1'],
    ['1.00000000000000000001', '1.00000000000000000001'],
  ])('reads %s as %s', (token, text) => {
    expect(fromText(`[${token}]`)).toEqual([text])
  })
})
