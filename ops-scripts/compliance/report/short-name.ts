// Shortens an ARN to the resource's name without its random suffix.

export function shortName(resource: string): string {
  if (!resource.startsWith('arn:')) return resource;
  const tail = resource.split(':').at(-1) ?? resource;
  const balancer = /^loadbalancer\/(?:app|net|gwy)\/([^/]+)/.exec(tail);
  return balancer?.[1] ?? tail.split('/').at(-1) ?? tail;
}
