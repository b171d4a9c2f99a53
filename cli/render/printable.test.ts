import { expect, test } from 'vitest'
import { fit, printable, wrap } from './printable.ts'

test('a body cannot move the cursor, recolour the screen or ring the bell', () => {
  expect(printable('a\u001B[2Jb\u001B[31mc\u0007d\u009Be\r')).toBe('abc\uFFFDd\uFFFDe\uFFFD')
})

test('lines and tabs stay', () => {
  expect(printable('{\n\t"é": "🙂"\n}')).toBe('{\n\t"é": "🙂"\n}')
})

test('what fits stays, what does not ends in an ellipsis', () => {
  expect(fit('12345', 5)).toBe('12345')
  expect(fit('123456', 5)).toBe('1234…')
  expect(fit('one\n  two', 20)).toBe('one two')
})

test('half a character is not left behind', () => {
  expect(fit('ab🙂cd', 4)).toBe('ab\uFFFD…')
})

test('a sentence is broken between words', () => {
  expect(wrap('one two\n three', 7)).toEqual(['one two', 'three'])
  expect(wrap('one \u001B[2Jtwelve', 5)).toEqual(['one', 'twel…'])
  expect(wrap(' ', 5)).toEqual([])
})
