// Removes an erased person's data outside of Postgres: copies in Redis, and mails as files.
// The origin does so right after the commit. A job repeats it, in case Redis was unreachable or a copy was stored
// meanwhile.
import { forgetCartCopies } from '../cart/server/forget-carts.ts';
import type { Deps } from '../deps.ts';
import { forgetSessionCopies } from '../identity/sessions.ts';
import { removeMails } from '../mail/transport.ts';
import { mailSubject } from '../outbox/events.ts';
import type { PersonTraces } from './erase-person.ts';

type ForgetDeps = Pick<Deps, 'redis' | 'lineage' | 'settings'>;

/** Runs as the job `forget`. @throws where Redis or the disk fails; the job is then retried */
export async function forgetTraces(
  deps: ForgetDeps,
  { account, carts, mailboxes, mails }: PersonTraces,
): Promise<void> {
  if (account !== null) await forgetSessionCopies(deps, account);
  await forgetCartCopies(deps, carts);
  const theirs = new Set([...mailboxes, ...mails]);
  await removeMails(deps.settings, ({ id, to }) => theirs.has(id) || theirs.has(mailSubject(to)));
}

/** Runs right after the commit. The job repeats whatever fails here. */
export async function forgetTracesNow(deps: ForgetDeps, traces: PersonTraces): Promise<void> {
  await forgetTraces(deps, traces).catch(() => undefined);
}
