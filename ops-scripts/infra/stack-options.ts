// Options chosen before synthesis; whatever differs by deployment is a template parameter instead.
import type { Size, SizeName } from './sizes.ts';

export interface StackOptions {
  sizeName: SizeName;
  size: Size;
  /** Read replicas of the database, 0 to 15. */
  replicas: number;
  aurora: boolean;
  /** Share of the origins above the smallest number that may run on Spot, in percent. */
  spotPercent: number;
}

/** The ports inside the VPC. */
export const ports = { origin: 3000, worker: 3001, cache: 6379, database: 5432 } as const;

/** The tag by which the compliance checks find every part. */
export const stackTag = 'myclothes';
