import { isUtf8 } from 'node:buffer'

/** Bytes as a person or a program can read them: text when they are UTF-8, hex digits otherwise. */
export interface BytesText {
  readonly encoding: 'utf8' | 'hex'
  readonly text: string
}

export function bytesText(bytes: Buffer): BytesText {
  return isUtf8(bytes)
    ? { encoding: 'utf8', text: bytes.toString() }
    : { encoding: 'hex', text: bytes.toString('hex') }
}
