// Flags money that arrives after its order was cancelled, and refunds it once.
import type { Selectable } from 'kysely';
import type { Deps } from '../deps.ts';
import { addToOutbox } from '../outbox/events.ts';
import type { Tx } from '../schema.ts';
import type { PaymentProviders } from './payment/providers.ts';
import { readCharge } from './read-charge.ts';
import type { OrderTables } from './tables.ts';

/** Part of recording an outcome; the job does the rest. */
export async function flagLateMoney(
  tx: Tx,
  { order_id: orderId, flag }: Selectable<OrderTables['payments']>,
  reference: string | undefined,
): Promise<void> {
  if (flag !== null) return;
  await tx
    .updateTable('payments')
    .set({ flag: 'late-money', detail: null, ...(reference ? { reference } : {}) })
    .where('order_id', '=', orderId)
    .execute();
  await addToOutbox(tx, 'settle-payment', { orderId });
}

/** Part of the job. Safe to repeat: the provider knows the refund by the order's key. */
export async function refundLateMoney(
  deps: Deps,
  providers: PaymentProviders,
  orderId: string,
): Promise<void> {
  const { charge, provider: name } = await readCharge(deps.db, orderId);
  const provider = providers.find(name);
  if (provider === undefined) throw new Error(`Cannot pay back: the settings have no keys of ${name}`);
  await provider.refund(charge);
  await deps.db
    .updateTable('payments')
    .set({ flag: 'refunded' })
    .where('order_id', '=', orderId)
    .where('flag', '=', 'late-money')
    .execute();
}
