import { type Config, readConfig } from '../pipeline/config.ts'

/** What the tools need to know in another terminal to meet this pipeline. */
const meeting = [
  'BOOTSTRAP_SERVERS',
  'TOPIC_PREFIX',
  'DB_HOST',
  'DB_PORT',
  'DB_NAME',
  'DB_USER',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
] as const

/** Where the doors are, and what to try while it runs. */
export function intro(
  doors: readonly { readonly name: string; readonly address: string }[],
  config: Config,
): string {
  const usual = readConfig({})
  const other = meeting.filter((key) => String(config[key]) !== String(usual[key]))
  const settings = other.map((key) => `${key}=${String(config[key])}`)
  return [
    '',
    `${doors.map(({ name, address }) => `${name} ${address}`).join(', ')}.`,
    'Ctrl-C stops everything. In another terminal:',
    ...(settings.length > 0 ? [`  export ${settings.join(' ')}`] : []),
    `  npx throughline submit '{"numbers":[1.5,2.5]}'`,
    '  npx throughline follow ID      # the id that submit prints',
    '',
  ].join('\n')
}
