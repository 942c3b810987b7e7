// Progress for a person who waits: a step is named only when it takes long, on standard error.
export type Step = <T>(sentence: string, work: () => Promise<T>) => Promise<T>;

export function createSteps(say: (line: string) => void, quietMs = 700): Step {
  return async (sentence, work) => {
    const timer = setTimeout(() => say(`${sentence} …`), quietMs);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
    }
  };
}
