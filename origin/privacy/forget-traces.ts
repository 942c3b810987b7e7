// Forgets what of an erased person lies outside of Postgres: copies in Redis at once, by the origin that was asked; and
// copies and mail files by a job, so that a Redis that was away, and a copy made in that moment, are forgotten too.
import { forgetCartCopies } from '../cart/server/forget-carts.ts';
import type { Deps } from '../deps.ts';
import { forgetSessionCopies } from '../identity/sessions.ts';
import { removeMails } from '../mail/transport.ts';
import { mailSubject } from '../outbox/events.ts';
import type { PersonTraces } from './erase-person.ts';

type ForgetDeps = Pick<Deps, 'redis' | 'lineage' | 'settings'>;

/** The job `forget`. @throws where Redis or the disk do not answer: it is then tried again */
export async function forgetTraces(
  deps: ForgetDeps,
  { account, carts, mailboxes, mails }: PersonTraces,
): Promise<void> {
  if (account !== null) await forgetSessionCopies(deps, account);
  await forgetCartCopies(deps, carts);
  const theirs = new Set([...mailboxes, ...mails]);
  await removeMails(deps.settings, ({ id, to }) => theirs.has(id) || theirs.has(mailSubject(to)));
}

/** Right after the commit; what fails here is left to the job. */
export async function forgetTracesNow(deps: ForgetDeps, traces: PersonTraces): Promise<void> {
  await forgetTraces(deps, traces).catch(() => undefined);
}
