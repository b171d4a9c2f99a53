import { pino, type Logger } from 'pino'
import pretty from 'pino-pretty'

export type Log = Logger

const forPeople = {
  sync: true,
  singleLine: true,
  translateTime: 'SYS:HH:MM:ss.l',
  ignore: 'pid,hostname,stage',
  messageFormat: '{stage}: {msg}',
}

/** JSON lines for machines; readable lines when a person's terminal is at the other end. */
export function createLog(level: string, fields: Record<string, unknown>): Log {
  const options = { level, base: fields, timestamp: () => `,"time":"${new Date().toISOString()}"` }
  if (!process.stdout.isTTY) return pino({ ...options, formatters: { level: (label) => ({ level: label }) } })
  return pino(options, pretty(forPeople))
}
