import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { confirm, createRedraw } from './terminal.ts'

function screen(isTTY: boolean, columns: number) {
  let written = ''
  const write = (text: string | Uint8Array) => {
    written += String(text)
    return true
  }
  const take = () => {
    const text = written
    written = ''
    return text
  }
  return { draw: createRedraw({ isTTY, columns, write }), take }
}

test('on a terminal each text takes the place of the one before, wrapped lines counted', () => {
  const { draw, take } = screen(true, 10)
  draw('one\ntwo')
  expect(take()).toBe('one\ntwo\n')
  draw(`${'x'.repeat(25)}\n\u001B[31m1234567890\u001B[39m`)
  expect(take().startsWith('\u001B[2A\r\u001B[Jxxx')).toBe(true)
  draw('end')
  expect(take()).toBe('\u001B[4A\r\u001B[Jend\n')
})

test('into a file they follow each other', () => {
  const { draw, take } = screen(false, 0)
  draw('one')
  draw('two')
  expect(take()).toBe('one\n\ntwo\n\n')
})

test.each([
  ['y\n', true],
  [' YES \n', true],
  ['\n', false],
  ['n\n', false],
  ['yesterday\n', false],
  // The input ends without an answer, or within it.
  ['', false],
  ['y', false],
])('the answer %j is %s', async (answer, isYes) => {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const asked = confirm('Send them?', input, output)
  input.end(answer)
  expect(await asked).toBe(isYes)
  expect(String(output.read())).toContain('Send them? [y/N] ')
})
