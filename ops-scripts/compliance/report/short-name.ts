// The name of a resource as people write it: the last words of an ARN, without its random suffix.

export function shortName(resource: string): string {
  if (!resource.startsWith('arn:')) return resource;
  const tail = resource.split(':').at(-1) ?? resource;
  const balancer = /^loadbalancer\/(?:app|net|gwy)\/([^/]+)/.exec(tail);
  return balancer?.[1] ?? tail.split('/').at(-1) ?? tail;
}
