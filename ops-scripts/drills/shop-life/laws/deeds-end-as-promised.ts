// Everything that was done ended as the shop promises: a form led where it should, a sign-in was let in, a change was shown.
import { defineLaw } from './law.ts';

export const deedsEndAsPromised = defineLaw<string[]>({
  name: 'deeds-end-as-promised',
  gather: async ({ books }) => books.brokenPromises,
  judge: (sentences) => sentences,
});
