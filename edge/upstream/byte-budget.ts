// Bounds the bytes that are held in memory at once while bodies are read. Past the bound an answer is not stored.
export interface ByteBudget {
  /** @returns false where there is no budget; then nothing was taken. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export function createByteBudget(maxBytes: number): ByteBudget {
  let taken = 0;
  return {
    take(bytes) {
      if (taken + bytes > maxBytes) return false;
      taken += bytes;
      return true;
    },
    give(bytes) {
      taken -= bytes;
    },
  };
}
