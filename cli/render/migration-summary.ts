export interface Migrated {
  /** The names of what is new. */
  readonly migrations: readonly string[]
  readonly topics: readonly string[]
  readonly isCatalogueNew: boolean
}

/** One line that says what was done. */
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
