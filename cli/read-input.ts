import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { UserError } from '../telemetry/user-error.ts'

export interface InputSource {
  readonly json?: string | undefined
  readonly file?: string | undefined
}

/**
 * What a person wants to submit: the argument, the file, or standard input when neither is given.
 * @throws {UserError} when both are given, the file cannot be read, or it is not text
 */
export async function readInput({ json, file }: InputSource): Promise<{ text: string; name: string }> {
  if (json !== undefined && file !== undefined) throw new UserError('Give either JSON or --file, not both.')
  if (json !== undefined) return { text: json, name: 'the argument' }
  if (file !== undefined) return { text: decode(await readWhole(file), file), name: file }
  if (process.stdin.isTTY) process.stderr.write('JSON, one message a line; Ctrl-D ends it:\n')
  return { text: decode(await buffer(process.stdin), 'standard input'), name: 'standard input' }
}

async function readWhole(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw new UserError(`Cannot read ${file}: ${(cause as Error).message}.`, { cause })
  }
}

function decode(bytes: Buffer, name: string): string {
  if (!isUtf8(bytes)) throw new UserError(`Nothing was sent: ${name} is not text in UTF-8.`)
  return bytes.toString()
}
