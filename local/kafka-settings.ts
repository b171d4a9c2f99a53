/** The server.properties of one node that is broker and controller, with its data in the directory `log` beside it. */
export function kafkaSettings({ port, controllerPort }: { port: number; controllerPort: number }): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
log.dirs=log

# One node cannot keep three copies.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# A few groups need few partitions.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=4

# Topics are created by \`migrate\`, with the settings that times and order depend on.
auto.create.topics.enable=false

# Nobody waits: a first member starts at once, and a test may ask for a short session.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# After -9 the controller refuses the broker's next life until it has missed its last one for this long (9 s by default).
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000

# The cleaner's default buffer of 128 MB is larger than everything it will ever clean here.
log.cleaner.dedupe.buffer.size=4194304
`
}
