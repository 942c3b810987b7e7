// The ids of all controls, by policy.
export const controlIds = [
  'elb-multi-az',
  'asg-multi-az',
  'cache-multi-az',
  'database-multi-az',
  'elb-open-to-web',
  'asg-only-from-elb',
  'cache-only-from-asg',
  'database-only-from-asg',
  'chain-connects',
] as const;

export const hardeningIds = [
  'database-not-public',
  'encrypted-at-rest',
  'tls-for-clients',
  'cache-tls-and-auth',
  'backups-kept',
  'deletion-protected',
  'imdsv2-only',
  'logs-kept',
] as const;

export type HardeningId = (typeof hardeningIds)[number];
export type ControlId = (typeof controlIds)[number] | HardeningId;

/** The nine controls of the chain, the eight of hardening, or all of them. */
export const policies = ['chain', 'hardening', 'all'] as const;
export type Policy = (typeof policies)[number];
