import { CommanderError, InvalidArgumentError, type Command } from 'commander'
import { expect, test, vi } from 'vitest'
import { UserError } from '../telemetry/user-error.ts'
import { report } from './options.ts'
import { createProgram } from './throughline.ts'

const program = await createProgram()
const commands = program.commands.map((command) => [command.name(), command] as const)

function helpOf(command: Command): string {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 80 }).outputHelp()
  return help
}

function reported(error: unknown) {
  let text = ''
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((part) => {
    text += String(part)
    return true
  })
  const code = report(error)
  write.mockRestore()
  return { code, text }
}

test('the commands, in the order of the help', () => {
  expect(commands.map(([name]) => name)).toEqual([
    'run',
    'generator',
    'monitor',
    'tracer',
    'migrate',
    'submit',
    'follow',
    'trace',
    'doctor',
    'status',
    'dead-letters',
    'replay',
    'alerts',
    'new-stage',
    'scenario',
  ])
})

test.each(commands)('the help of %s has an example and fits a terminal of 80 columns', (name, command) => {
  const help = helpOf(command)
  expect(help).toMatch(new RegExp(String.raw`Examples:\n  # .+\n  \$ .*npx throughline ${name}`))
  expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
})

test('the help of the program has the exit codes and an example', () => {
  const help = helpOf(program)
  expect(help).toMatch(/Exit codes:\n {2}0 .*\n {2}1 .*\n/)
  expect(help).toContain('$ npx throughline submit')
})

test.each([
  [['nosuchcommand'], 2],
  [['status', '--nosuchoption'], 2],
  [['follow'], 2],
  [['follow', 'xyz'], 2],
  [['generator', '--messages', 'many'], 2],
  [['run', 'add', 'multiply'], 2],
  [[], 2],
  [['--version'], 0],
  [['status', '--help'], 0],
])('%s ends with exit code %i', async (args, code) => {
  const quiet = await createProgram()
  for (const command of [quiet, ...quiet.commands]) command.configureOutput({ writeOut: () => {}, writeErr: () => {} })
  const error: unknown = await quiet.parseAsync(args, { from: 'user' }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(CommanderError)
  expect(reported(error)).toEqual({ code, text: '' })
})

test("a user's mistake is one sentence and exit code 2", () => {
  const error = new UserError('Do it like this.', { cause: new Error('inner') })
  expect(reported(error)).toEqual({ code: 2, text: 'Do it like this.\n' })
})

test('an unexpected error is shown whole, with its cause, and is exit code 1', () => {
  const { code, text } = reported(new Error('outer', { cause: new Error('inner') }))
  expect(code).toBe(1)
  expect(text).toMatch(/Error: outer\n\s+at .*[\s\S]*Error: inner/)
  expect(reported(new InvalidArgumentError('x')).code).toBe(2)
})
