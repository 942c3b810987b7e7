// Performs a deed on an order for whoever asks by API or form: once for each idempotency key, then pays back what it
// owes.
import type { Deps } from '../../deps.ts';
import { notFound } from '../../errors.ts';
import { retryOnConflict } from '../../postgres/postgres-errors.ts';
import { idPattern } from '../../web/api/api.ts';
import { type IdempotentWrite, writeOnce } from '../../web/api/idempotency.ts';
import { captureBeforeShipping } from '../payment/capture.ts';
import type { PaymentProviders } from '../payment/providers.ts';
import { changeOrder, type Made } from './change-order.ts';
import type { OrderChange } from './order-life.ts';
import { payBackSoon } from './pay-back.ts';

interface DeedParts {
  deps: Deps;
  providers: PaymentProviders;
}

export interface AskedDeed {
  orderId: string;
  write: IdempotentWrite;
  change: OrderChange;
}

/**
 * @returns ids of what the deed made, also to whoever repeats the request
 * @throws Refusal 404, 409 and 422 as the life of an order has them; 422 for a key of another request
 */
export async function performDeed(
  { deps, providers }: DeedParts,
  { orderId, write, change }: AskedDeed,
): Promise<Made> {
  if (change.deed.what === 'ship') await captureBeforeShipping(deps, providers, orderId, change.deed);
  const made = await retryOnConflict(() =>
    writeOnce(deps.db, write, async (tx) => {
      const { shipmentId, returnId, refundId } = await changeOrder(
        { tx, settings: deps.settings },
        orderId,
        change,
      );
      return { shipmentId, returnId, refundId } as Made;
    }),
  );
  deps.wakeWorker();
  if (mayOwe.has(change.deed.what)) await payBackSoon(deps, providers, orderId);
  return made;
}

const mayOwe = new Set<OrderChange['deed']['what']>(['cancel', 'receive-return', 'refund']);

/** @throws Refusal 404 */
export async function orderOfReturn({ db }: Pick<Deps, 'db'>, returnId: string): Promise<string> {
  const row = idPattern.test(returnId)
    ? await db.selectFrom('returns').select('order_id').where('id', '=', returnId).executeTakeFirst()
    : undefined;
  if (row === undefined) throw notFound('This return');
  return row.order_id;
}
