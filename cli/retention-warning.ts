/**
 * What to say of topics that keep records for longer than rows are kept; undefined when none does.
 * @param recordHours by topic, Infinity for ever
 * @param rowDays RETENTION
 */
export function retentionWarning(
  recordHours: ReadonlyMap<string, number>,
  rowDays: number,
): string | undefined {
  const longer = [...recordHours].filter(([, hours]) => hours > rowDays * 24)
  if (longer.length === 0) return undefined
  const most = Math.max(...longer.map(([, hours]) => hours))
  const raise = Number.isFinite(most) ? `, or set RETENTION to ${Math.ceil(most / 24)}` : ''
  const kept = Number.isFinite(most) ? `for up to ${Math.ceil(most)} hours` : 'for ever'
  const topics = longer.map(([topic]) => topic).join(', ')
  return (
    `Records are kept ${kept} (retention.ms and segment.ms of ${topics}) but their rows for ${rowDays * 24} (RETENTION), ` +
    `and a record that is read again after its row went is processed twice: lower retention.ms${raise}.`
  )
}
