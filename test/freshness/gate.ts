// A gate at which readers stop between two of their steps while it is closed.
export interface Gate {
  close(): void;
  open(): void;
  /** Resolves at once while open. */
  pass(): Promise<void>;
  standing(): number;
}

export function createGate(): Gate {
  let isClosed = false;
  let waiting: (() => void)[] = [];
  return {
    close() {
      isClosed = true;
    },
    open() {
      isClosed = false;
      for (const goOn of waiting) goOn();
      waiting = [];
    },
    pass: () => (isClosed ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
    standing: () => waiting.length,
  };
}
