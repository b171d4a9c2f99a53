import { createRequire } from 'node:module'
import { pino, type Logger } from 'pino'
import type { PinoPretty } from 'pino-pretty'

const require = createRequire(import.meta.url)

export type Log = Logger

const terminalOptions = {
  sync: true,
  singleLine: true,
  translateTime: 'SYS:HH:MM:ss.l',
  ignore: 'pid,hostname,stage',
  messageFormat: '{stage}: {msg}',
}

/** JSON lines; readable ones on a terminal. */
export function createLog(level: string, fields: Record<string, unknown>): Log {
  const options = { level, base: fields, timestamp: () => `,"time":"${new Date().toISOString()}"` }
  if (!process.stdout.isTTY) return pino({ ...options, formatters: { level: (label) => ({ level: label }) } })
  // Loaded for a terminal only: it takes 4 MB.
  const pretty = require('pino-pretty') as typeof PinoPretty
  return pino(options, pretty(terminalOptions))
}
