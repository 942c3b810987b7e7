// Nothing is given up, but for a mail that its server refuses for good: that one at once, and with the server's own words.
import { type OpenWork, readOpenWork } from './ask-outbox.ts';
import { defineLaw } from './law.ts';

export const noDeadLetters = defineLaw<OpenWork[]>({
  name: 'no-dead-letters',
  gather: readOpenWork,
  judge: (work) =>
    work
      .filter(({ state }) => state === 'dead')
      .flatMap(({ id, kind, to, fate, failure }) => {
        const what = `${kind} ${id}${to === null ? '' : ` to ${to}`}`;
        if (kind !== 'mail' || fate !== 'refuses for good') return [`${what} was given up: ${failure}`];
        if (!failure?.includes('550'))
          return [`${what} was given up without the server's reason: ${failure}`];
        return [];
      }),
});
