// Places an order: freezes the cart, takes stock, and writes order and payment, in one transaction.
// The transaction runs under one idempotency key. The payment is attempted afterwards.
import { randomBytes } from 'node:crypto';
import type { CartLine } from '../cart/cart-contents.ts';
import type { CartCheckout, Carts, OrderKey } from '../cart/carts.ts';
import { checkOrderable } from '../cart/check-operation.ts';
import { type ShortLine, takeStock } from '../catalog/change/stock.ts';
import { turnDueSales } from '../catalog/change/turn-sales.ts';
import { readVariantsFresh, type VariantInfo } from '../catalog/read-variants.ts';
import { type PromiseContext, promiseDelivery, toDays } from '../checkout/delivery-dates.ts';
import type { ChosenShipping, OrderPrice } from '../checkout/price-order.ts';
import type { Promotion } from '../checkout/promotion.ts';
import { type PromotionCustomer, recordUse, takePromotion } from '../checkout/promotions.ts';
import {
  chooseShipping,
  listChoices,
  readSellersHolidays,
  readShippingTable,
} from '../checkout/shipping-methods.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { sessionEnded } from '../identity/visitor.ts';
import { addToOutbox } from '../outbox/events.ts';
import { retryOnConflict } from '../postgres/postgres-errors.ts';
import type { Tx } from '../schema.ts';
import { fingerprintOf, writeOnce } from '../web/api/idempotency.ts';
import { formatMoney, money } from '../web/money.ts';
import { rememberOrder } from './guest-orders.ts';
import { addEvents } from './life/change-order.ts';
import type { Order, OrderRequest } from './order.ts';
import { attemptPayment, awaitAttempt } from './pay-order.ts';
import { holdMinutes, type PaymentProvider } from './payment/provider.ts';
import type { PaymentProviders } from './payment/providers.ts';
import { priceLines, sumLines } from './quote.ts';
import { keepRequest } from './read-charge.ts';
import { type Buyer, readOrder } from './read-orders.ts';

export interface Checkout extends Buyer {
  idempotencyKey: string;
  path: string;
  traceparent: string;
  request: OrderRequest;
  /**
   * The total that a page showed, in minor units. An order with another total is refused, so that the shopper
   * decides.
   */
  expectedTotal?: number | undefined;
}

/** After this time the request that placed the order has attempted the payment, or its process has died. */
const attemptLateSeconds = 15;

/**
 * @throws Refusal 409 `cart-empty`, `out-of-stock` (with `lines`), `price-changed` (with `total`): nothing is taken
 * and the cart stays
 * @throws Refusal 422 `no-delivery-there`, `promotion-refused`, `unknown-provider`, `total-too-small`,
 * `total-too-large` (with `min` and `max`)
 * @throws Refusal 503 where Postgres is away
 */
export async function placeOrder(
  deps: Deps,
  carts: Carts,
  providers: PaymentProviders,
  checkout: Checkout,
): Promise<{ order: Order; setCookies: string[] }> {
  const { request, accountId, cookieHeader } = checkout;
  const provider = providers.require(request.payment.provider);
  const cartRequest = { cookieHeader, accountId };
  const cartCheckout = await carts.prepareCheckout(cartRequest);
  const scope = carts.scope(cartRequest);
  const write = { scope, key: checkout.idempotencyKey, method: 'POST', path: checkout.path, body: request };
  const key = { opId: checkout.idempotencyKey, fingerprint: fingerprintOf(write) };
  let placedNow = false;
  // Sales are turned first, so that the price is right even where no worker has begun or ended a due sale.
  await turnDueSales(deps, deps.now());
  const { orderId } = await retryOnConflict(() => {
    // An earlier try may have been rolled back.
    placedNow = false;
    return writeOnce(deps.db, write, (tx) => {
      placedNow = true;
      return writeOrder(tx, cartCheckout, key, {
        ...checkout,
        provider,
        nowMs: deps.now(),
        shopCountry: deps.settings.shopCountry,
      });
    });
  });
  deps.wakeWorker();
  // Empties the cart before the provider is called. That may take long, and the cart would still show the ordered
  // lines.
  const cartCookies = placedNow ? await cartCheckout.afterCommit() : undefined;
  if (!(await attemptPayment(deps, providers, orderId))) await awaitAttempt(deps.db, orderId);
  // The cookie marks the order as placed in this browser. After a sign-out, this browser is asked to sign in for it.
  // Others get 404.
  const placedHere = rememberOrder(deps.settings, cookieHeader, orderId);
  const order = await readOrder(deps, orderId, {
    accountId,
    cookieHeader: placedHere.split(';')[0],
  });
  const cookies = cartCookies ?? (await cartCheckout.catchUp(key, order.lines));
  return { order, setCookies: [placedHere, ...cookies] };
}

/** Locks in the order that all transactions keep: account, cart, variants, promotion, outbox. */
async function writeOrder(
  tx: Tx,
  cart: CartCheckout,
  key: OrderKey,
  checkout: Checkout & { provider: PaymentProvider; nowMs: number; shopCountry: string },
): Promise<{ orderId: string }> {
  const { request, accountId, traceparent, nowMs } = checkout;
  if (accountId !== undefined) await lockAccount(tx, accountId);
  const lines = await cart.freeze(tx, key);
  checkOrderable(lines);
  await takeStock(tx, lines);
  // Prices are read after the stock is locked, so that both are of the same moment.
  const ids = lines.map((line) => line.variantId);
  const priced = requireSold(lines, await readVariantsFresh(tx, ids));
  const customer = { email: request.email, accountId };
  const bill = await makeBill(tx, priced, { request, customer, nowMs, shopCountry: checkout.shopCountry });
  const { total } = bill.price;
  checkBounds(total, checkout.provider.bounds);
  const expectedTotal = request.expectedTotal?.amount ?? checkout.expectedTotal;
  if (expectedTotal !== undefined && expectedTotal !== total) {
    throw new Refusal(409, 'price-changed', `Nothing was ordered: the total is now ${formatMoney(total)}`, {
      details: { total: money(total) },
    });
  }
  const orderId = await insertOrder(tx, priced, bill, checkout);
  if (bill.promotion !== undefined) await recordUse(tx, bill.promotion.id, orderId, customer);
  const { provider, outcome } = request.payment;
  await tx
    .insertInto('payments')
    .values({ order_id: orderId, provider, wanted_outcome: outcome ?? null })
    .execute();
  await keepRequest(tx, checkout.provider, orderId, nowMs);
  await addEvents(tx, orderId, [{ by: { who: 'shopper' }, what: 'placed', detail: formatMoney(total) }]);
  await cart.endGeneration(tx);
  await addToOutbox(
    tx,
    'settle-payment',
    { orderId },
    { traceparent, dueAt: secondsAfter(nowMs, attemptLateSeconds) },
  );
  await addToOutbox(
    tx,
    'expire-hold',
    { orderId },
    { traceparent, dueAt: secondsAfter(nowMs, holdMinutes * 60) },
  );
  return { orderId };
}

/** Inserts the order with its lines. @returns its id */
async function insertOrder(
  tx: Tx,
  priced: PricedLine[],
  { price, shipping, promotion }: Bill,
  { request, accountId }: Pick<Checkout, 'request' | 'accountId'>,
): Promise<string> {
  const { id: orderId } = await tx
    .insertInto('orders')
    .values({
      number: makeNumber(),
      account_id: accountId ?? null,
      email: request.email,
      shipping_address: JSON.stringify(request.shippingAddress),
      billing_address: request.billingAddress ? JSON.stringify(request.billingAddress) : null,
      total_amount: price.total,
      shipping: JSON.stringify(shipping),
      discount_code: promotion?.code ?? null,
      discount_amount: price.discount,
      tax_country: request.shippingAddress.country,
      tax: JSON.stringify(price.tax),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await tx
    .insertInto('order_lines')
    .values(priced.map((line, position) => orderLineRow(orderId, position, line, price.items[position]!)))
    .execute();
  return orderId;
}

interface Bill {
  shipping: ChosenShipping;
  promotion: Promotion | undefined;
  price: OrderPrice;
}

/**
 * Prices the order, and uses its promotion code if it has one. @throws Refusal 422 `no-delivery-there`,
 * `promotion-refused`
 */
async function makeBill(
  tx: Tx,
  priced: PricedLine[],
  {
    request,
    customer,
    ...context
  }: Pick<Checkout, 'request'> & { customer: PromotionCustomer } & PromiseContext,
): Promise<Bill> {
  const { promotionCode: code, shippingMethod, shippingAddress } = request;
  const { country } = shippingAddress;
  const at = new Date(context.nowMs);
  const lines = priced.map(({ quantity, info }) => ({ info, amount: quantity * info.price.amount }));
  const choices = listChoices(await readShippingTable(tx), country, sumLines(lines));
  const holidays = toDays(await readSellersHolidays(tx));
  const chosen = chooseShipping(choices, country, shippingMethod);
  const shipping = { ...chosen, promised: promiseDelivery(chosen.days, { ...context, holidays }) };
  const hasCode = code !== undefined && code.trim() !== '';
  const promotion = hasCode ? await takePromotion(tx, code, { lines, customer, now: at }) : undefined;
  const price = priceLines(lines, { shippingAmount: shipping.amount, promotion, country, at });
  return { shipping, promotion, price };
}

/** The largest value of Postgres' `integer`. */
const largestTotal = 2_147_483_647;

/** @throws Refusal 422 `total-too-small`, `total-too-large` */
function checkBounds(total: number, { min, max } = { min: 0, max: largestTotal }): void {
  const details = { total: money(total), min: money(min), max: money(max) };
  if (total < min)
    throw new Refusal(422, 'total-too-small', `This way to pay takes ${formatMoney(min)} or more`, {
      details,
    });
  if (total > max)
    throw new Refusal(422, 'total-too-large', `This way to pay takes at most ${formatMoney(max)}`, {
      details,
    });
}

/**
 * Locks the account, so that its deletion waits and then anonymises this order too. @throws Refusal 401
 * `session-ended` where it is gone
 */
async function lockAccount(tx: Tx, accountId: string): Promise<void> {
  const account = await tx
    .selectFrom('accounts')
    .select('id')
    .where('id', '=', accountId)
    .forKeyShare()
    .executeTakeFirst();
  if (account === undefined) throw sessionEnded();
}

interface PricedLine {
  quantity: number;
  info: VariantInfo;
}

/** @throws Refusal 409 `out-of-stock` for variants that are no longer sold */
function requireSold(lines: CartLine[], infos: Map<string, VariantInfo>): PricedLine[] {
  const missing: ShortLine[] = lines
    .filter((line) => !infos.has(line.variantId))
    .map((line) => ({ variantId: line.variantId, available: 0 }));
  if (missing.length > 0) {
    throw new Refusal(409, 'out-of-stock', 'Some pieces are no longer sold', { details: { lines: missing } });
  }
  return lines.map((line) => ({ quantity: line.quantity, info: infos.get(line.variantId)! }));
}

/** A line as it stays in the order, even if the variant changes later. */
export function orderLineRow(
  orderId: string,
  position: number,
  { quantity, info }: PricedLine,
  { discount, rate }: OrderPrice['items'][number],
) {
  return {
    order_id: orderId,
    position,
    variant_id: info.variantId,
    product_slug: info.productSlug,
    sku: info.sku,
    name: info.productName,
    size: info.size,
    color: info.color,
    quantity,
    unit_price_amount: info.price.amount,
    discount_amount: discount,
    tax_rate: rate,
  };
}

/**
 * Crockford's base 32: no letter can be mistaken for a digit. The numbers are random, so they do not tell how many
 * orders exist.
 */
const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

function makeNumber(): string {
  const drawn = [...randomBytes(10)].map((byte) => letters[byte % 32]).join('');
  return `MC-${drawn.slice(0, 5)}-${drawn.slice(5)}`;
}

function secondsAfter(nowMs: number, seconds: number): Date {
  return new Date(nowMs + seconds * 1_000);
}
