// Repairs in the background, one at a time of each kind. A failed repair is reported and retried by the next health
// check.
export interface Repairs<Kind extends string> {
  begin(kind: Kind, work: (signal: AbortSignal) => Promise<void>): void;
  isUnderWay(kind: Kind): boolean;
  /** Ends what is under way; nothing of it goes on when this returns. */
  abandon(): Promise<void>;
}

export function startRepairs<Kind extends string>(onEvent: (sentence: string) => void): Repairs<Kind> {
  const underWay = new Map<Kind, Promise<void>>();
  let controller = new AbortController();
  return {
    begin: (kind, work) => {
      if (underWay.has(kind)) return;
      const { signal } = controller;
      const repair = work(signal)
        .catch((error) => {
          if (!signal.aborted)
            onEvent(`The repair of the ${kind} failed: ${error instanceof Error ? error.message : error}`);
        })
        .finally(() => underWay.delete(kind));
      underWay.set(kind, repair);
    },
    isUnderWay: (kind) => underWay.has(kind),
    abandon: async () => {
      controller.abort(new Error('abandoned'));
      await Promise.all(underWay.values());
      controller = new AbortController();
    },
  };
}
