// A waiver turns a known failure into `waived` until it expires. It must have a reason and an expiry date.
import { ConfigFault } from './config-fault.ts';
import { controlIds, hardeningIds, type Report, shortName } from './findings.ts';
import { summarize } from './judge.ts';

export interface Waiver {
  control: string;
  /** ARN or name; `*` stands for any text. */
  resource: string;
  reason: string;
  /** The last day on which it holds, UTC: `2027-01-31`. */
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

/** A day of the calendar, also as the beginning of a time: a day that there is not must not waive by accident. */
function isDay(text: string): boolean {
  const time = Date.parse(text);
  const [day = ''] = text.split('T');
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(time)) return false;
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}

/** Applies waivers to failures; an unknown is never waived, and a pass needs none. */
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
