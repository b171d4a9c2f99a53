import type { Finding } from '../doctor/finding.ts'
import { wrap } from './text.ts'

const signs = { pass: '✓', warning: '!', failure: '✗' } as const

/** A line for a check: its sign, its name, what was found, and what to do. Wrapped below itself at `width` characters. */
export function renderFinding({ check, status, message, remedy }: Finding, width: number): string {
  const text = `${check}: ${message}${remedy === null ? '' : `: ${remedy}`}.`
  const indented = wrap(text, width - 2).replaceAll('\n', '\n  ')
  return `${signs[status]} ${indented}`
}

/** "12 checks: 11 passed, 1 warning, no failure." */
export function renderTotals(findings: readonly Finding[]): string {
  const count = (status: Finding['status']) => findings.filter((finding) => finding.status === status).length
  const counted = (number: number, noun: string) => `${number === 0 ? 'no' : number} ${noun}${number > 1 ? 's' : ''}`
  const problems = `${counted(count('warning'), 'warning')}, ${counted(count('failure'), 'failure')}`
  return `${counted(findings.length, 'check')}: ${count('pass')} passed, ${problems}.`
}
