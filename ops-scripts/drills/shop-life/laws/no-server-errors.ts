// No request is ever answered 5xx or not at all, but for one that asks to come again while a part is away.
import { defineLaw } from './law.ts';

export const noServerErrors = defineLaw<string[]>({
  name: 'no-server-errors',
  gather: async ({ books }) => books.answers.faults,
  judge: (faults) => faults,
});
