// Writes a sample order with a parcel, a return, a refund and a withdrawal, for previews of mails.
// Its transaction is rolled back.
import { randomBytes } from 'node:crypto';
import type { VariantInfo } from '../catalog/read-variants.ts';
import { promiseDelivery } from '../checkout/delivery-dates.ts';
import type { Deps } from '../deps.ts';
import type { Tx } from '../schema.ts';
import { orderLineRow } from './place-order.ts';
import { priceLines } from './quote.ts';

/** Ids and number that the previewed mails refer to. */
export interface SampleOrder {
  orderId: string;
  number: string;
  shipmentId: string;
  refundId: string;
  returnId: string;
  withdrawalId: string;
}

const address = {
  name: 'Grace Hopper',
  line1: 'Unter den Linden 1',
  city: 'Berlin',
  postalCode: '10117',
  country: 'DE',
};

/** @param variants at least one; two pieces of each are ordered */
export async function insertSampleOrder(
  tx: Tx,
  { settings, now }: Pick<Deps, 'settings' | 'now'>,
  { email, variants }: { email: string; variants: VariantInfo[] },
): Promise<SampleOrder> {
  const nowMs = now();
  const days = { min: 2, max: 4 };
  const promised = promiseDelivery(days, { nowMs, shopCountry: settings.shopCountry });
  const shipping = { method: 'standard', name: 'Standard', amount: 490, days, promised };
  const quantity = 2;
  const lines = variants.map((info) => ({ info, amount: quantity * info.price.amount }));
  const by = { shippingAmount: shipping.amount, promotion: undefined, country: 'DE', at: new Date(nowMs) };
  const price = priceLines(lines, by);
  const number = `MC-${letters(5)}-${letters(5)}`;
  const { id: orderId } = await tx
    .insertInto('orders')
    .values({
      number,
      account_id: null,
      email,
      shipping_address: JSON.stringify(address),
      total_amount: price.total,
      shipping: JSON.stringify(shipping),
      discount_code: null,
      tax_country: 'DE',
      tax: JSON.stringify(price.tax),
      status: 'paid',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await tx
    .insertInto('order_lines')
    .values(
      variants.map((info, position) =>
        orderLineRow(orderId, position, { quantity, info }, price.items[position]!),
      ),
    )
    .execute();
  await tx
    .insertInto('payments')
    .values({ order_id: orderId, provider: settings.paymentProviders[0] ?? 'demo', status: 'paid' })
    .execute();
  const parts = await insertParts(tx, { orderId, quantity, email }, variants);
  return { orderId, number, ...parts };
}

/** Inserts a parcel, a return with its refund, and a withdrawal. */
async function insertParts(
  tx: Tx,
  { orderId, quantity, email }: { orderId: string; quantity: number; email: string },
  variants: VariantInfo[],
): Promise<Omit<SampleOrder, 'orderId' | 'number'>> {
  const { id: shipmentId } = await tx
    .insertInto('shipments')
    .values({
      order_id: orderId,
      carrier: 'DHL',
      tracking_number: '00340434161094042557',
      tracking_url: 'https://www.dhl.de/',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const pieces = variants.map(({ variantId: variant_id }) => ({ variant_id, quantity }));
  await tx
    .insertInto('shipment_lines')
    .values(pieces.map((piece) => ({ shipment_id: shipmentId, ...piece })))
    .execute();
  const { id: refundId } = await tx
    .insertInto('refunds')
    .values({
      order_id: orderId,
      amount: Math.max(1, variants[0]!.price.amount),
      reason: 'A seam was open',
      provider_key: letters(20),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  const { id: returnId } = await tx
    .insertInto('returns')
    .values({
      number: `R-${letters(8)}`,
      order_id: orderId,
      refund_id: refundId,
      refusal: 'The pieces were worn.',
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await tx
    .insertInto('return_lines')
    .values({ return_id: returnId, variant_id: variants[0]!.variantId, quantity: 1 })
    .execute();
  const { id: withdrawalId } = await tx
    .insertInto('withdrawals')
    .values({
      order_number: 'MC-SAMPLE',
      order_id: orderId,
      name: address.name,
      email,
      pieces: variants[0]!.productName,
      fingerprint: letters(20),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return { shipmentId, refundId, returnId, withdrawalId };
}

/** Random, so that two previews at once do not wait for each other's unique keys. */
function letters(count: number): string {
  return [...randomBytes(count)].map((byte) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[byte % 32]).join('');
}
