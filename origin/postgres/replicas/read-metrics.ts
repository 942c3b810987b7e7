// Metrics of reads: which server answered, why it was not a replica, and the lag of each replica.
import { Counter, Gauge, type Registry } from 'prom-client';

const fallbacks = ['none fit', 'behind', 'below floor', 'busy', 'failed'] as const;
export type Fallback = (typeof fallbacks)[number];

export interface ReadMetrics {
  answered(source: string): void;
  fellBack(reason: Fallback): void;
}

export interface MeasuredReplica {
  name: string;
  isFit: boolean;
  /** Infinity where it is not known. */
  lagSeconds: number;
}

export function createReadMetrics(registry: Registry, measured: () => MeasuredReplica[]): ReadMetrics {
  const registers = [registry];
  const answered = new Counter({
    name: 'reads_total',
    help: 'Reads of the catalog and of own orders and accounts, by the server that answered',
    labelNames: ['source'],
    registers,
  });
  const fellBack = new Counter({
    name: 'read_fallbacks_total',
    help: 'Reads that went on to another server, by what kept the replica from answering',
    labelNames: ['reason'],
    registers,
  });
  new Gauge({
    name: 'replica_lag_seconds',
    help: 'At most how much of the primary’s log a replica lacks; +Inf where that is unknown',
    labelNames: ['replica'],
    registers,
    collect() {
      for (const { name, lagSeconds } of measured()) this.set({ replica: name }, lagSeconds);
    },
  });
  new Gauge({
    name: 'replica_fit',
    help: '1 while a replica is read',
    labelNames: ['replica'],
    registers,
    collect() {
      for (const { name, isFit } of measured()) this.set({ replica: name }, isFit ? 1 : 0);
    },
  });
  // A counter that nobody has seen at zero hides its first step from whoever watches its rate.
  for (const source of ['primary', ...measured().map(({ name }) => name)]) answered.inc({ source }, 0);
  for (const reason of fallbacks) fellBack.inc({ reason }, 0);
  return {
    answered: (source) => answered.inc({ source }),
    fellBack: (reason) => fellBack.inc({ reason }),
  };
}
