interface Migrated {
  readonly migrations: readonly string[]
  readonly topics: readonly string[]
  readonly isCatalogueNew: boolean
}

/** One line that names what is new. */
export function migrationSummary({ migrations, topics, isCatalogueNew }: Migrated): string {
  const done = [
    ...(migrations.length > 0 ? [`${amount(migrations, 'migration')} (${migrations.join(', ')})`] : []),
    ...(topics.length > 0 ? [`${amount(topics, 'topic')} (${topics.join(', ')})`] : []),
    ...(isCatalogueNew ? ['the catalogue of stages'] : []),
  ]
  return done.length > 0 ? `New: ${done.join('; ')}.` : 'Nothing to do: all is up to date.'
}

function amount(items: readonly string[], noun: string): string {
  return `${items.length} ${noun}${items.length === 1 ? '' : 's'}`
}

/**
 * The warning about topics that keep records for longer than rows are kept; undefined when there are none.
 * @param recordHours by topic, Infinity for ever
 * @param rowDays RETENTION
 */
export function retentionWarning(recordHours: ReadonlyMap<string, number>, rowDays: number): string | undefined {
  const longer = [...recordHours].filter(([, hours]) => hours > rowDays * 24)
  if (longer.length === 0) return undefined
  const most = Math.max(...longer.map(([, hours]) => hours))
  const raise = Number.isFinite(most) ? `, or set RETENTION to ${Math.ceil(most / 24)}` : ''
  const kept = Number.isFinite(most) ? `for up to ${Math.ceil(most)} hours` : 'for ever'
  const topics = longer.map(([topic]) => topic).join(', ')
  return (
    `Records are kept ${kept} (retention.ms and segment.ms of ${topics}) but their rows for ${rowDays * 24} (RETENTION), ` +
    `and a record that is read again after its row was removed is processed twice: lower retention.ms${raise}.`
  )
}
