// The nine controls, in the order of the chain.
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

export const allControls: readonly Control[] = [
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
