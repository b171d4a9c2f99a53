import { createRequire } from 'node:module'
import { closeSilentConnections, keepOneSocket } from './connections.ts'
import { askReachableBrokers, followCoordinator, refreshLeaders, retryLocks } from './failover.ts'
import { addCodecs, collectHeaders, decodeOrRefuse } from './fixes.ts'
import { checkQueueWhenFilled, decodeInPlace, encodeAtOnce, encodeRequest, groupByPartition } from './speed.ts'

const require = createRequire(import.meta.url)

/** The patches replace internal modules, which only this version is known to have. */
const VERSION = '2.2.4'

let isPatched = false

/**
 * Patches kafkajs, before it is loaded. KAFKA_FAST_PATCHES=off leaves out the patches that only make it faster.
 * @throws {Error} when kafkajs has another version, or was loaded before
 */
export function patchKafkajs(): void {
  if (isPatched) return
  const { version } = require('kafkajs/package.json') as { version: string }
  requireVersion(version)
  const isFast = process.env['KAFKA_FAST_PATCHES'] !== 'off'
  if (isFast) {
    replace('kafkajs/src/producer/groupMessagesPerPartition', () => groupByPartition)
    replace('kafkajs/src/protocol/requests/produce/v3/request', encodeAtOnce)
    replace('kafkajs/src/protocol/request', () => encodeRequest)
  }
  replace('kafkajs/src/protocol/recordBatch/record/v0/decoder', collectHeaders)
  replace('kafkajs/src/protocol/recordBatch/v0/decoder', isFast ? decodeInPlace : decodeOrRefuse)
  addCodecs()
  closeSilentConnections()
  keepOneSocket()
  followCoordinator()
  askReachableBrokers()
  refreshLeaders()
  retryLocks()
  if (isFast) checkQueueWhenFilled()
  isPatched = true
}

export function requireVersion(version: string): void {
  if (version === VERSION) return
  throw new Error(`kafka/patches is made for kafkajs ${VERSION}, and ${version} is installed: see its README.`)
}

/** Replaces a module of kafkajs for those that load it after this. */
function replace<Original>(name: string, by: (original: Original) => Original): void {
  const path = require.resolve(name)
  if (path in require.cache) {
    throw new Error(`${name} was loaded before its patch: load kafkajs only by loadKafkajs of kafka/client.ts.`)
  }
  const original = require(name) as Original
  const module = require.cache[path]
  if (module !== undefined) module.exports = by(original)
}
