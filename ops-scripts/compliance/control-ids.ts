// The ids of the nine controls.
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

export type ControlId = (typeof controlIds)[number];
