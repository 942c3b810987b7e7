// Prints progress on standard error for steps that take long.
export type Step = <T>(sentence: string, work: () => Promise<T>) => Promise<T>;

export function createSteps(report: (line: string) => void, quietMs = 700): Step {
  return async (sentence, work) => {
    const timer = setTimeout(() => report(`${sentence} …`), quietMs);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
    }
  };
}
