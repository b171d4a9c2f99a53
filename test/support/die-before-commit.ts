import { Socket } from 'node:net'
import { readConfig } from '../../pipeline/config.ts'

// For `node --import`: the process ends as by kill -9 at the moment that it would commit an offset, everything before that
// being done. A request to Kafka: length, then its kind, which is 8 for a commit.
const OFFSET_COMMIT = 8
const kafkaPort = Number(readConfig().BOOTSTRAP_SERVERS[0]?.split(':')[1])
const { write } = Socket.prototype

Socket.prototype.write = function writeOrDie(this: Socket, ...args: Parameters<typeof write>) {
  const [data] = args
  const isKafka = this.remotePort === kafkaPort && Buffer.isBuffer(data)
  if (isKafka && data.readInt16BE(4) === OFFSET_COMMIT) process.kill(process.pid, 'SIGKILL')
  return write.apply(this, args)
} as typeof write
