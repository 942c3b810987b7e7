// Defines the options chosen before synthesis, and the three sizes of the stack.
// What differs by deployment is a template parameter.

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
export const ports = { origin: 3000, worker: 3001, metrics: 9100, cache: 6379, database: 5432 } as const;

/** The tag by which the compliance checks find every part. */
export const stackTag = 'myclothes';

/** The three sizes of the stack: machine types and counts, and the stores behind them. */
export const sizeNames = ['small', 'medium', 'large'] as const;
export type SizeName = (typeof sizeNames)[number];

interface MachineSize {
  /** All Graviton: a release is built for arm64. */
  instanceTypes: readonly [string, ...string[]];
  min: number;
  max: number;
}

export interface Size {
  /** Availability Zones, and the NAT gateways in them: one is cheaper, and its zone's loss cuts the way out. */
  zones: 2 | 3;
  natGateways: 1 | 3;
  /** Of the processor each minute instead of each five, and of queries in the database. */
  detailedMonitoring: boolean;
  volumeGib: number;
  origins: MachineSize;
  workers: MachineSize;
  cache: { nodeType: string; nodes: 2 | 3 };
  database: {
    instanceClass: string;
    auroraClass: string;
    storageGib: number;
    maxStorageGib: number;
    backupDays: number;
    replicas: number;
  };
}

/** Origins: one a zone at least. Where one type is scarce (or Spot), the next of its list takes its place. */
export const sizes: Record<SizeName, Size> = {
  small: {
    zones: 2,
    natGateways: 1,
    detailedMonitoring: false,
    volumeGib: 8,
    origins: { instanceTypes: ['t4g.micro', 't4g.small'], min: 2, max: 6 },
    workers: { instanceTypes: ['t4g.micro', 't4g.small'], min: 2, max: 3 },
    cache: { nodeType: 'cache.t4g.micro', nodes: 2 },
    database: {
      instanceClass: 'db.t4g.micro',
      auroraClass: 'db.t4g.medium',
      storageGib: 20,
      maxStorageGib: 200,
      backupDays: 7,
      replicas: 0,
    },
  },
  medium: {
    zones: 3,
    natGateways: 3,
    detailedMonitoring: true,
    volumeGib: 16,
    origins: { instanceTypes: ['c7g.large', 'm7g.large', 'c6g.large'], min: 3, max: 12 },
    workers: { instanceTypes: ['m7g.medium', 'm6g.medium'], min: 2, max: 4 },
    cache: { nodeType: 'cache.m7g.large', nodes: 3 },
    database: {
      instanceClass: 'db.m7g.large',
      auroraClass: 'db.r7g.large',
      storageGib: 200,
      maxStorageGib: 1_000,
      backupDays: 14,
      replicas: 1,
    },
  },
  large: {
    zones: 3,
    natGateways: 3,
    detailedMonitoring: true,
    volumeGib: 16,
    origins: { instanceTypes: ['c7g.xlarge', 'm7g.xlarge', 'c6g.xlarge'], min: 6, max: 30 },
    workers: { instanceTypes: ['m7g.large', 'm6g.large'], min: 3, max: 6 },
    cache: { nodeType: 'cache.r7g.xlarge', nodes: 3 },
    database: {
      instanceClass: 'db.r7g.2xlarge',
      auroraClass: 'db.r7g.2xlarge',
      storageGib: 1_000,
      maxStorageGib: 4_000,
      backupDays: 35,
      replicas: 3,
    },
  },
};
