// The types of findings and report as in the JSON output; verdicts, waivers and the exit code.

import { ConfigFault } from './config-fault.ts';
import type { Mode } from './snapshot.ts';
import { attempt } from './unknown.ts';

export type Status = 'pass' | 'fail' | 'unknown' | 'waived';

export interface Finding {
  control: ControlId;
  status: Status;
  /** ARN or name of the part. */
  resource: string;
  reason: string;
  warnings: string[];
  /** The hops from the internet or a named interface to the part. */
  path?: string[];
  /** What to type, or to change in the template, to resolve this finding. */
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

/** Returns the exit code. With `failOn` set to `unknown`, an unknown gives 1, as a failure does. */
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

/** A place in a checked file, to which reports can link. */
export interface SourcePlace {
  /** The path as it was given on the command line. */
  file: string;
  /** Counted from 1. */
  line: number;
}

/** Returns where the part of a finding is declared, or undefined where no file declares it. */
export type Locate = (resource: string) => SourcePlace | undefined;

export interface Failure {
  reason: string;
  /** Called at most once, for the one failure whose path is shown, because finding a path can take long. */
  path?: () => string[];
  fix?: string;
}

export interface Verdict {
  fail(failure: Failure): void;
  unknown(reason: string): void;
  /** Adds a warning, which does not change the status. */
  warn(text: string): void;
  /** Adds a reason for a pass. */
  pass(text: string): void;
  /**
   * Runs one piece of the judgement. A value that it can't know becomes an unknown reason, and the other pieces go on.
   */
  attempt(piece: () => void): void;
  conclude(control: ControlId, resource: string): Finding;
}

/** Further reasons are counted and not listed. */
const reasonLimit = 8;

/**
 * Opens a verdict. `calls` are the AWS calls that the judgement reads; the reason for an unreadable answer names them.
 */
export function openVerdict(calls: string[] = []): Verdict {
  const failures: Failure[] = [];
  const unknownReasons = new Set<string>();
  const warnings = new Set<string>();
  const passes = new Set<string>();
  return {
    fail: (failure) => void failures.push(failure),
    unknown: (reason) => void unknownReasons.add(reason),
    warn: (text) => void warnings.add(text),
    pass: (text) => void passes.add(text),
    attempt: (piece) =>
      void attempt(piece, (reason) => unknownReasons.add(reason), `an answer to one of ${calls.join(', ')}`),
    conclude(control, resource) {
      const base = { control, resource, warnings: [...warnings].sort() };
      if (failures.length > 0) {
        // If garbage in an answer makes the path unreadable, the failure stays, without a path.
        const path = attempt(
          () => failures.find((failure) => failure.path !== undefined)?.path?.(),
          () => undefined,
        );
        const fixes = [...new Set(failures.flatMap(({ fix }) => fix ?? []))].sort();
        return {
          ...base,
          status: 'fail',
          reason: join(failures.map(({ reason }) => reason)),
          ...(path ? { path } : {}),
          ...(fixes.length > 0 ? { fix: fixes.join('\n') } : {}),
        };
      }
      if (unknownReasons.size > 0) return { ...base, status: 'unknown', reason: join(unknownReasons) };
      if (passes.size === 0) return { ...base, status: 'unknown', reason: 'nothing was evaluated' };
      return { ...base, status: 'pass', reason: join(passes) };
    },
  };
}

function join(reasons: Iterable<string>): string {
  const all = [...new Set(reasons)].sort();
  const more = all.length - reasonLimit;
  return all.slice(0, reasonLimit).join('; ') + (more > 0 ? `; and ${more} more` : '');
}

export interface Waiver {
  control: string;
  /** ARN or name; `*` stands for any text. */
  resource: string;
  reason: string;
  /** The last day, in UTC, on which the waiver applies: `2027-01-31`. */
  expires: string;
}

export function parseWaivers(text: string, file: string): Waiver[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ConfigFault(`Cannot read the waivers in '${file}' as they are not JSON`, { cause: error });
  }
  if (!Array.isArray(parsed))
    throw new ConfigFault(`Cannot read the waivers in '${file}' as they are not a list`);
  return parsed.map((each: Partial<Waiver> | null, index) => {
    const refuse = (why: string) => new ConfigFault(`Cannot use waiver ${index + 1} of '${file}' as ${why}`);
    for (const name of ['control', 'resource', 'reason', 'expires'] as const) {
      const value = each?.[name];
      if (typeof value !== 'string' || value.trim() === '') throw refuse(`it has no ${name}`);
    }
    const waiver = each as Waiver;
    if (waiver.control !== '*' && ![...controlIds, ...hardeningIds].some((id) => id === waiver.control))
      throw refuse(`there is no control '${waiver.control}'`);
    if (!isDay(waiver.expires)) {
      throw refuse(`its expiry '${waiver.expires}' is not a day such as 2027-01-31`);
    }
    return waiver;
  });
}

/** Whether the text begins with a day that exists. A day such as February 30 must not waive by accident. */
function isDay(text: string): boolean {
  const time = Date.parse(text);
  const [day = ''] = text.split('T');
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(time)) return false;
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}

/** Applies waivers to failures. It never waives an unknown, and a pass needs no waiver. */
export function applyWaivers(report: Report, waivers: Waiver[], now: Date): Report {
  const today = now.toISOString().slice(0, 10);
  const findings = report.findings.map((finding) => {
    if (finding.status === 'pass') return finding;
    const matching = waivers.filter((waiver) => matches(waiver, finding.control, finding.resource));
    const valid = matching.find(({ expires }) => expires.slice(0, 10) >= today);
    if (valid !== undefined && finding.status === 'fail') {
      return {
        ...finding,
        status: 'waived' as const,
        reason: `waived until ${valid.expires}: ${valid.reason} (${finding.reason})`,
      };
    }
    const expired = matching.filter(({ expires }) => expires.slice(0, 10) < today);
    const notes = expired.map(({ expires, reason }) => `a waiver expired on ${expires} (${reason})`);
    return { ...finding, warnings: [...finding.warnings, ...notes] };
  });
  return { ...report, findings, summary: summarize(findings) };
}

function matches(waiver: Waiver, control: string, resource: string): boolean {
  if (waiver.control !== '*' && waiver.control !== control) return false;
  const pattern = new RegExp(`^${waiver.resource.split('*').map(quotePattern).join('.*')}$`, 's');
  return pattern.test(resource) || pattern.test(shortName(resource));
}

function quotePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

export function summarize(findings: Finding[]): Record<Status, number> {
  const count = (status: Status) => findings.filter((finding) => finding.status === status).length;
  return { pass: count('pass'), fail: count('fail'), unknown: count('unknown'), waived: count('waived') };
}
