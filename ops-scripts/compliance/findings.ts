// Findings and report in the shape of the JSON output, the ids of all controls, and the exit code of a report.
import type { Mode } from './snapshot.ts';

export type Status = 'pass' | 'fail' | 'unknown' | 'waived';

export interface Finding {
  control: ControlId;
  status: Status;
  /** ARN or name of the part. */
  resource: string;
  reason: string;
  warnings: string[];
  /** From the internet or a named interface to the part, hop by hop. */
  path?: string[];
  /** What to type, or to change in the template, to close exactly that. */
  fix?: string;
}

export interface Report {
  format: 'myclothes-compliance/1';
  mode: Mode;
  account: string;
  region: string;
  summary: Record<Status, number>;
  findings: Finding[];
  calls: { made: number; denied: number };
}

/** The ids of all controls, by policy. */
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

/** With `failOn` `unknown`, an unknown is exit 1 as a failure is. */
export function exitCodeOf({ summary }: Report, failOn: 'fail' | 'unknown'): 0 | 1 | 2 {
  if (summary.fail > 0 || (failOn === 'unknown' && summary.unknown > 0)) return 1;
  if (summary.unknown > 0 || summary.pass + summary.waived === 0) return 2;
  return 0;
}

/** Shortens an ARN to the resource's name without its random suffix. */
export function shortName(resource: string): string {
  if (!resource.startsWith('arn:')) return resource;
  const tail = resource.split(':').at(-1) ?? resource;
  const balancer = /^loadbalancer\/(?:app|net|gwy)\/([^/]+)/.exec(tail);
  return balancer?.[1] ?? tail.split('/').at(-1) ?? tail;
}

/** A place in a file that was checked, for reports that lead there. */
export interface SourcePlace {
  /** As it was given on the command line. */
  file: string;
  /** From 1. */
  line: number;
}

/** Where the part of a finding is declared; undefined where no file declares it. */
export type Locate = (resource: string) => SourcePlace | undefined;
