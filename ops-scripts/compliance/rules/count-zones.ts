// Counts Availability Zones by name, the one measure of "multi-AZ".

import type { Verdict } from '../verdict.ts';
import type { Context } from './control.ts';

/** Passes where `names` has at least `needed` different Availability Zones (default: `minZones`), else fails. */
export function requireZones(
  context: Context,
  verdict: Verdict,
  what: string,
  names: string[],
  fix?: string,
  needed = context.minZones,
): string[] {
  const zones = context.inventory.zones.count(names);
  const list = zones.length === 0 ? 'no Availability Zone' : zones.join(', ');
  if (zones.length >= needed) verdict.pass(`${what} in ${list}`);
  else {
    verdict.fail({
      reason: `${what} in ${list} only, ${needed} zones are needed`,
      ...(fix ? { fix } : {}),
    });
  }
  return zones;
}
