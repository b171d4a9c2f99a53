// The Event Hubs namespace with a hub for each topic, and the key whose connection string is EVENTHUB_CONNECTIONSTRING. The
// limits are Microsoft's of December 2025. Hubs are changed here, not by `throughline migrate`: TOPICS_AUTO_CREATE=false.
//   az deployment group create --resource-group GROUP --template-file deploy/azure/hubs.bicep --parameters name=NAMESPACE
//   az eventhubs namespace authorization-rule keys list --resource-group GROUP --namespace-name NAMESPACE --name throughline
targetScope = 'resourceGroup'

@description('The namespace: BOOTSTRAP_SERVERS is NAME.servicebus.windows.net:9093.')
param name string

param location string = resourceGroup().location

@description('Standard: 10 hubs, 32 partitions a hub, 7 days. Premium: 100 hubs a unit, 100 partitions a hub and 200 a unit, 90 days.')
@allowed(['Standard', 'Premium'])
param tier string = 'Standard'

@description('A message is 7 events, and a unit of Standard takes 1,000 events a second: 142 messages. At most 40 units, or 16 of Premium.')
@minValue(1)
@maxValue(40)
param units int = 1

@description('Of each hub; Standard cannot change it later. Also the most replicas of a stage that have work.')
@minValue(1)
@maxValue(100)
param partitions int = 12

@description('At most 168 in Standard. RETENTION, in days, must be longer.')
@minValue(1)
@maxValue(2160)
param retentionHours int = 168

@description('TOPIC_PREFIX.')
param prefix string = ''

// Those of stages/index.ts, the last one, and the dead letters.
var topics = [
  'start'
  'stage2'
  'stage3'
  'stage4'
  'stage5'
  'stage6'
  'finish'
  'dead-letter'
]

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: name
  location: location
  sku: {
    name: tier
    tier: tier
    capacity: units
  }
  properties: {
    minimumTlsVersion: '1.2'
  }
}

resource hubs 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = [
  for topic in topics: {
    parent: namespace
    name: '${prefix}${topic}'
    properties: {
      partitionCount: partitions
      retentionDescription: {
        cleanupPolicy: 'Delete'
        retentionTimeInHours: retentionHours
      }
    }
  }
]

resource key 'Microsoft.EventHub/namespaces/authorizationRules@2024-01-01' = {
  parent: namespace
  name: 'throughline'
  properties: {
    rights: ['Listen', 'Send']
  }
}

output bootstrapServers string = '${namespace.name}.servicebus.windows.net:9093'
