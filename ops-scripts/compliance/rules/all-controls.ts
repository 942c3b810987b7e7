// The controls of each policy: nine in the order of the chain, and those of hardening.
import type { Policy } from '../control-ids.ts';
import { hardeningControls } from '../hardening/hardening-controls.ts';
import { asgMultiAz } from './asg-multi-az.ts';
import { asgOnlyFromElb } from './asg-only-from-elb.ts';
import { cacheMultiAz } from './cache-multi-az.ts';
import { cacheOnlyFromAsg } from './cache-only-from-asg.ts';
import { chainConnects } from './chain-connects.ts';
import type { Control } from './control.ts';
import { databaseMultiAz } from './database-multi-az.ts';
import { databaseOnlyFromAsg } from './database-only-from-asg.ts';
import { elbMultiAz } from './elb-multi-az.ts';
import { elbOpenToWeb } from './elb-open-to-web.ts';

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
