// Law: no request is answered 5xx or left unanswered, except a 503 with Retry-After while a part is away.
import { defineLaw } from './law.ts';

export const noServerErrors = defineLaw<string[]>({
  name: 'no-server-errors',
  gather: async ({ record }) => record.answers.faults,
  judge: (faults) => faults,
});
