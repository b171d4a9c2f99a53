import { describe, expect, test } from 'vitest'
import { parseBody, sourceOf, withField } from './body.ts'
import { Refusal } from './refusal.ts'

const source = (text: string, field: string): string | undefined => sourceOf(parseBody(text), field)

describe('parseBody', () => {
  test('keeps the text and reads the fields', () => {
    const text = ' {"numbers": [1.50, 2]}\n'
    expect(parseBody(text)).toEqual({ text, fields: { numbers: [1.5, 2] } })
  })

  test('removes a byte order mark', () => {
    expect(parseBody('\uFEFF{"a":1}')).toEqual({ text: '{"a":1}', fields: { a: 1 } })
  })

  test.each(['', '{', '{"a":NaN}', '{"a":01}', "{'a':1}", '{"a":1}{"b":2}', '{"a":.5}', '{"a":1,}'])(
    'refuses %j as not JSON',
    (text) => {
      expect(() => parseBody(text)).toThrow(expect.objectContaining({ code: 'not-json' }) as Error)
    },
  )

  test('keeps the error of the parser as the cause', () => {
    expect(() => parseBody('{')).toThrow(expect.objectContaining({ cause: expect.any(SyntaxError) as Error }) as Error)
  })

  test.each(['[1,2]', '7', '"text"', 'null', 'true'])('refuses %s, which is JSON but no object, and quotes it', (text) => {
    const refusal = {
      code: 'not-an-object',
      message: expect.stringContaining(`The body is ${text}.`) as string,
    }
    expect(() => parseBody(text)).toThrow(expect.objectContaining(refusal) as Error)
  })

  test('quotes only the beginning of a long body', () => {
    expect(() => parseBody(`"${'x'.repeat(1_000_000)}"`)).toThrow(/^.{0,250}$/)
  })
})

describe('sourceOf', () => {
  test.each([
    ['{"numbers":[1.50,2]}', '[1.50,2]'],
    ['{"numbers" : [ 1.50 ,\n2 ] }', '[ 1.50 ,\n2 ]'],
    ['{"a":1,"numbers":1e400,"b":2}', '1e400'],
    ['{"numbers":-0.10}', '-0.10'],
    ['{"numbers":"a \\" ] } b"}', '"a \\" ] } b"'],
    ['{"numbers":"back\\\\"}', '"back\\\\"'],
    ['{"numbers":null , "a":1}', 'null'],
    ['{"numbers":{"b":[1,{"c":"}"}]},"a":1}', '{"b":[1,{"c":"}"}]}'],
    ['{"numbers":[[1],["]"]],"a":1}', '[[1],["]"]]'],
    ['{"numbers":[]}', '[]'],
    ['{"numbers":""}', '""'],
  ])('of %s is %s', (text, expected) => {
    expect(source(text, 'numbers')).toBe(expected)
  })

  test('is undefined for an absent field, also one that every object inherits', () => {
    for (const field of ['numbers', 'constructor', '__proto__', 'toString'])
      expect(source('{"a":1}', field)).toBeUndefined()
  })

  test('ignores nested fields of the same name', () => {
    expect(source('{"a":{"sum":1},"sum":2,"b":{"sum":3}}', 'sum')).toBe('2')
    expect(source('{"a":{"sum":1}}', 'sum')).toBeUndefined()
    expect(source('{"a":[{"sum":1}],"sum" :2}', 'sum')).toBe('2')
  })

  test('ignores strings with the text of the field', () => {
    expect(source('{"a":"sum","sum":2}', 'sum')).toBe('2')
    expect(source('{"sum":2,"a":"sum"}', 'sum')).toBe('2')
    expect(source('{"a":"\\"sum\\":1","sum":2}', 'sum')).toBe('2')
    expect(source('{"a":"b",",":2}', ',')).toBe('2')
    expect(source('{"a":"b",":":2}', ':')).toBe('2')
  })

  test('returns the last of several fields with one name, as JSON.parse does', () => {
    expect(source('{"sum":1,"sum":2}', 'sum')).toBe('2')
    expect(source('{"sum":1,"\\u0073um":2.0}', 'sum')).toBe('2.0')
  })

  test('finds a field whose name is written with escapes', () => {
    expect(source('{"s\\u0075m":2.50}', 'sum')).toBe('2.50')
    expect(source('{"a\\"b":1,"c":2}', 'a"b')).toBe('1')
    expect(source('{"\\\\":1}', '\\')).toBe('1')
  })

  test('accepts fields with names that every object inherits', () => {
    const text = '{"__proto__":[1.0],"constructor":2.0,"toJSON":3.0,"hasOwnProperty":4.0}'
    expect(source(text, '__proto__')).toBe('[1.0]')
    expect(source(text, 'constructor')).toBe('2.0')
    expect(source(text, 'toJSON')).toBe('3.0')
    expect(source(text, 'hasOwnProperty')).toBe('4.0')
    expect(source(text, 'valueOf')).toBeUndefined()
  })

  test('reads a depth that would overflow the stack of a recursive reader', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    expect(source(`{"a":${deep},"sum":1.0,"sum":2.0}`, 'sum')).toBe('2.0')
    expect(source(`{"sum":${deep}}`, 'sum')).toBe(deep)
  })
})

describe('withField', () => {
  const added = (text: string, field: string, json: string): string => withField(parseBody(text), field, json)

  test('adds a field at the end and keeps all other characters', () => {
    expect(added('{"a":1.50}', 'sum', '2.0')).toBe('{"a":1.50,"sum":2.0}')
    expect(added('{ "a" : 1.50 \n}\n', 'sum', '2.0')).toBe('{ "a" : 1.50 \n,"sum":2.0}\n')
    expect(added('{"a":{"sum":1},"b":"}"}', 'sum', '2')).toBe('{"a":{"sum":1},"b":"}","sum":2}')
  })

  test('adds the first field of an empty object without a comma', () => {
    expect(added('{}', 'sum', '2')).toBe('{"sum":2}')
    expect(added(' { } ', 'sum', '2')).toBe(' { "sum":2} ')
  })

  test('replaces a field where it stands', () => {
    expect(added('{"sum": 1.50 ,"a":1}', 'sum', '2.0')).toBe('{"sum": 2.0 ,"a":1}')
    expect(added('{"a":1,"sum":[1,"]"]}', 'sum', '2.0')).toBe('{"a":1,"sum":2.0}')
    expect(added('{"s\\u0075m":1}', 'sum', '2')).toBe('{"s\\u0075m":2}')
  })

  test('replaces the last of several fields with one name', () => {
    expect(parseBody(added('{"sum":1,"sum":2}', 'sum', '3')).fields['sum']).toBe(3)
  })

  test('adds fields with names that every object inherits', () => {
    expect(added('{"a":1}', '__proto__', '2')).toBe('{"a":1,"__proto__":2}')
    expect(added('{"a":1}', 'constructor', '2')).toBe('{"a":1,"constructor":2}')
    expect(added('{"a":1}', 'a"b', '2')).toBe('{"a":1,"a\\"b":2}')
  })
})

test('a refusal without an explanation has the default of its code', () => {
  expect(new Refusal('empty')).toMatchObject({
    code: 'empty',
    message: 'The record is empty. Send a JSON object.',
  })
})
