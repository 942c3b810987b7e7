// Law: every "did you mean" suggestion has results.
import type { Suggestion } from '../life.ts';
import { defineLaw } from './law.ts';

export const suggestionsFind = defineLaw<Suggestion[]>({
  name: 'suggestions-find',
  gather: async ({ record }) => record.suggestions,
  judge: (suggestions) =>
    suggestions
      .filter(({ found }) => found === 0)
      .map(({ asked, suggested }) => `“${asked}” is answered with “${suggested}”, which finds nothing`),
});
