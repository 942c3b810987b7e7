// Law: every deed ended as expected, such as a form that led to its page or a sign-in that was accepted.
import { defineLaw } from './law.ts';

export const deedsEndAsPromised = defineLaw<string[]>({
  name: 'deeds-end-as-promised',
  gather: async ({ record }) => record.brokenPromises,
  judge: (sentences) => sentences,
});
