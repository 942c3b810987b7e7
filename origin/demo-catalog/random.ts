// A seeded random generator: the same seed gives the same numbers on every machine.

export interface Random {
  /** 0 to 1, without 1. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number;
  pick<T>(from: readonly T[]): T;
  /** `count` different ones, in the order of `from`. */
  sample<T>(from: readonly T[], count: number): T[];
}

/** mulberry32: 32 bits of state are plenty for a catalog. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const whole = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    whole,
    pick: (from) => from[whole(0, from.length - 1)]!,
    sample: (from, count) => {
      const left = from.map((_, index) => index);
      const chosen = Array.from({ length: Math.min(count, from.length) }, () =>
        left.splice(whole(0, left.length - 1), 1),
      );
      return chosen
        .flat()
        .sort((a, b) => a - b)
        .map((index) => from[index]!);
    },
  };
}
