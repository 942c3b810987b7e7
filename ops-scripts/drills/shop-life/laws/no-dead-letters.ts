// Law: the only dead letters are mails that their server refused permanently, at the first attempt and with its reason.
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
