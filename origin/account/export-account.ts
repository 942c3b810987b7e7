// Everything that the shop keeps of a person, as one JSON document.
import { readAccountCartLines } from '../cart/for-account.ts';
import type { Deps } from '../deps.ts';
import { listOrdersOfAccount } from '../order/orders-of-account.ts';
import { readAccount } from './change-account.ts';
import { listSessions, type SignedIn } from './sessions.ts';

export async function exportAccount(deps: Deps, account: SignedIn) {
  const [own, sessions, cart, orders] = await Promise.all([
    readAccount(deps, account),
    listSessions(deps, account),
    readAccountCartLines(deps.db, account.id),
    listOrdersOfAccount(deps.db, account.id),
  ]);
  return { exportedAt: new Date(deps.now()).toISOString(), account: own, sessions, cart, orders };
}
