// Records when the drill had parts of the shop down: a 503 with Retry-After is no fault then.

/** A store that has just come back is found by everybody only at the next connection. */
const graceMs = 4_000;

export interface Outage {
  part: string;
  fromMs: number;
  /** Undefined while it lasts. */
  toMs?: number;
}

export class Outages {
  readonly all: Outage[] = [];

  async during<T>(part: string, work: () => Promise<T>): Promise<T> {
    const outage: Outage = { part, fromMs: Date.now() };
    this.all.push(outage);
    try {
      return await work();
    } finally {
      outage.toMs = Date.now();
    }
  }

  /** @returns the number of the outage of a store in which that moment lies */
  ofStore(atMs: number): number | undefined {
    const at = this.all.findIndex(
      ({ part, fromMs, toMs = Number.POSITIVE_INFINITY }) =>
        (part === 'postgres' || part === 'redis') && fromMs <= atMs && atMs <= toMs + graceMs,
    );
    return at === -1 ? undefined : at;
  }

  /** Whether one of the parts was away at some moment between the two. */
  overlap(fromMs: number, toMs: number, parts?: string[]): boolean {
    return this.all.some(
      (outage) =>
        (parts === undefined || parts.includes(outage.part)) &&
        outage.fromMs <= toMs &&
        (outage.toMs ?? Number.POSITIVE_INFINITY) + graceMs >= fromMs,
    );
  }
}
