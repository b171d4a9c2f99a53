import { readFileSync, watchFile } from 'node:fs'

/**
 * Loaded by `--import`: shifts this process's time of day by the milliseconds in the file CHAOS_CLOCK_FILE, also while it
 * changes. The monotonic clock stays, as it does when a machine's clock is set.
 */
const file = process.env['CHAOS_CLOCK_FILE']
if (file === undefined) throw new Error('CHAOS_CLOCK_FILE names no file.')
const SystemDate = Date
let offsetMs = 0
const read = () => {
  const text = readFileSync(file, 'utf8')
  // Empty while it is being written.
  if (text !== '') offsetMs = Number(text)
}
const now = () => SystemDate.now() + offsetMs
read()
watchFile(file, { interval: 200, persistent: false }, read)
globalThis.Date = new Proxy(SystemDate, {
  get: (target, key) => (key === 'now' ? now : (Reflect.get(target, key) as unknown)),
  construct: (target, parts, newTarget) =>
    Reflect.construct(target, parts.length === 0 ? [now()] : parts, newTarget) as Date,
})
