// Gathers calls: those that arrive while a batch runs form the next batch, so that many share one statement.

/**
 * A single call starts at once. If a batch fails, all its calls fail.
 * @param run answers its items in their order
 */
export function gather<Item, Answer>(
  run: (items: Item[]) => Promise<Answer[]>,
  mostAtOnce: number,
): (item: Item) => Promise<Answer> {
  interface Call {
    item: Item;
    resolve(answer: Answer): void;
    reject(error: unknown): void;
  }
  let waiting: Call[] = [];
  let running = false;

  const runNext = async () => {
    running = true;
    while (waiting.length > 0) {
      const calls = waiting.slice(0, mostAtOnce);
      waiting = waiting.slice(mostAtOnce);
      try {
        const answers = await run(calls.map((call) => call.item));
        for (const [n, call] of calls.entries()) call.resolve(answers[n]!);
      } catch (error) {
        for (const call of calls) call.reject(error);
      }
    }
    running = false;
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!running) void runNext();
    });
}
