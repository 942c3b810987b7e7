// How many bytes may be held at once while bodies are read; who finds no room keeps nothing.
export interface Room {
  /** @returns false where there is no room; then nothing was taken. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export function createRoom(maxBytes: number): Room {
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
