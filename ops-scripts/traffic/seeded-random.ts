// A random generator with a seed, so that a failed drill can be repeated.

export interface SeededRandom {
  /** 0 ≤ n < 1 */
  next(): number;
  /** least ≤ n ≤ most */
  integer(least: number, most: number): number;
  pick<T>(items: readonly T[]): T;
  /** Returns another sequence, which is the same for the same name. */
  fork(name: string): SeededRandom;
}

/** Mulberry32, by Tommy Ettinger (public domain): 32 bits of state are plenty for choosing shoppers' next steps. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const integer = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    integer,
    pick: (items) => items[integer(0, items.length - 1)]!,
    fork: (name) =>
      seededRandom([...name].reduce((hash, letter) => Math.imul(hash, 31) + letter.charCodeAt(0), seed)),
  };
}
