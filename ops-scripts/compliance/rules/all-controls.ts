// The controls of each policy: nine in the order of the chain, and those of hardening.
import type { Policy } from '../findings.ts';
import { hardeningControls } from '../hardening/hardening-controls.ts';
import { asgMultiAz } from './asg-multi-az.ts';
import { cacheMultiAz } from './cache-multi-az.ts';
import { chainConnects } from './chain-connects.ts';
import type { Control } from './control.ts';
import { databaseMultiAz } from './database-multi-az.ts';
import { elbMultiAz } from './elb-multi-az.ts';
import { elbOpenToWeb } from './elb-open-to-web.ts';
import { asgOnlyFromElb, cacheOnlyFromAsg, databaseOnlyFromAsg } from './only-from-controls.ts';

const chainControls: readonly Control[] = [
  elbMultiAz,
  asgMultiAz,
  cacheMultiAz,
  databaseMultiAz,
  elbOpenToWeb,
  asgOnlyFromElb,
  cacheOnlyFromAsg,
  databaseOnlyFromAsg,
  chainConnects,
];

export const allControls: readonly Control[] = [...chainControls, ...hardeningControls];

export function controlsOf(policy: Policy): readonly Control[] {
  return { chain: chainControls, hardening: hardeningControls, all: allControls }[policy];
}
