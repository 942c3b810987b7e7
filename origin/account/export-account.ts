// Exports everything that the shop stores about an account, as one JSON document.
import { z } from '@hono/zod-openapi';
import { readAccountCartLines } from '../cart/account-cart.ts';
import type { Deps } from '../deps.ts';
import { SessionSchema } from '../identity/session.ts';
import { listSessions, type SignedIn } from '../identity/sessions.ts';
import { exportOrdersOfAccount, OrderExportSchema } from '../order/orders-of-account.ts';
import { AccountSchema } from './account.ts';
import { readAccount } from './change-account.ts';

export const AccountExportSchema = z
  .object({
    exportedAt: z.iso.datetime(),
    account: AccountSchema,
    sessions: z.array(SessionSchema),
    cart: z.array(z.object({ variantId: z.string(), quantity: z.int() })),
    orders: z.array(OrderExportSchema),
  })
  .openapi('AccountExport');

export async function exportAccount(
  deps: Deps,
  account: SignedIn,
): Promise<z.infer<typeof AccountExportSchema>> {
  const [own, sessions, cart, orders] = await Promise.all([
    readAccount(deps, account),
    listSessions(deps, account),
    readAccountCartLines(deps.db, account.id),
    exportOrdersOfAccount(deps.db, account.id),
  ]);
  return { exportedAt: new Date(deps.now()).toISOString(), account: own, sessions, cart, orders };
}
