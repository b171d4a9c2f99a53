import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources'

/** The resource of each service, made once: what OTEL_RESOURCE_ATTRIBUTES says, and the service's name. */
export function createResources(): (service: string) => Resource {
  const common = defaultResource().merge(detectResources({ detectors: [envDetector] }))
  const known = new Map<string, Resource>()
  return (service) => {
    const resource =
      known.get(service) ??
      common.merge(resourceFromAttributes({ 'service.name': service, 'service.namespace': 'throughline' }))
    known.set(service, resource)
    return resource
  }
}
