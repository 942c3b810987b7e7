// The checkout page. Nothing is ordered at a price or quantity that the shopper did not see.
import { type Context, Hono } from 'hono';
import { cartRequestOf } from '../cart/api.ts';
import type { Cart } from '../cart/cart.ts';
import type { Carts } from '../cart/carts.ts';
import { readVariants } from '../catalog/read-variants.ts';
import type { Promotion } from '../checkout/promotion.ts';
import { readKnownHolidays, readKnownShippingTable } from '../checkout/shipping-methods.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import { readFrame, respondSignedOut, wasSignedIn } from '../identity/page-frame.ts';
import { readVisitor } from '../identity/visitor.ts';
import type { AppEnv } from '../web/env.ts';
import { formatMoney, type Money } from '../web/money.ts';
import {
  type FormFaults,
  type FormValues,
  faultsOf,
  readForm,
  readIdempotencyKey,
  refusalToShow,
  titleOf,
} from '../web/page/form.ts';
import { layout } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { readOwn } from '../web/request/read-your-writes.ts';
import { type AddressOfBook, keepAddress, listAddresses } from './address-book/addresses.ts';
import { readBuyer } from './api.ts';
import { OrderRequestSchema } from './order.ts';
import type { PaymentProviders } from './payment/providers.ts';
import { placeOrder } from './place-order.ts';
import { makeQuote, type Quote, readPromotionFor, toQuoteLines } from './quote.ts';
import { findCountry, KeptAddressSchema } from './shipping-address.ts';
import { checkoutPage } from './views/checkout.ts';
import {
  changesSince,
  readKeptAddress,
  readOrderRequest,
  seenTotal,
  totalOfMethod,
} from './views/order-form.ts';
import { gatherPaymentFaults } from './views/payment.ts';

export function checkoutPages(deps: Deps, carts: Carts, providers: PaymentProviders): Hono<AppEnv> {
  const view = async (c: Context<AppEnv>) => carts.view(await cartRequestOf(deps, c));

  return new Hono<AppEnv>()
    .get('/checkout', async (c) => {
      const { cart, setCookies } = await view(c);
      if (cart.lines.length === 0) return seeOther('/cart', setCookies);
      return showCheckout(deps, c, cart, { values: {}, setCookies, providers: providers.names });
    })
    .post('/checkout', async (c) => {
      const values = await readForm(c);
      // After the session has ended, the account's bag cannot be read. That does not mean that it is empty.
      const visitor = await readVisitor(deps, c);
      if (visitor.account === undefined && wasSignedIn(visitor, values))
        return respondSignedOut(deps, c, values);
      const { cart } = await view(c);
      const again = { values, providers: providers.names };
      const isEmpty = cart.lines.length === 0;
      if (values['update'] !== undefined && !isEmpty) return showCheckout(deps, c, cart, again);
      const parsed = OrderRequestSchema.safeParse(readOrderRequest(values));
      if (!parsed.success) {
        if (isEmpty) return seeOther('/cart');
        const faults = gatherPaymentFaults(faultsOf(parsed.error, values));
        return showCheckout(deps, c, cart, { ...again, faults });
      }
      // The bag may be empty because this form has already placed its order. Its key then answers with that order.
      const toldTotal = readToldTotal(values['total']);
      const agreed = isEmpty ? undefined : await quoteForm(deps, cart, values, visitor.account?.id);
      const isAgreed = agreed === undefined || agreed.quote.price.total === toldTotal;
      if (!isAgreed && changesSince(values['seen'], cart).length > 0) {
        return showCheckout(deps, c, cart, { ...again, status: 409 });
      }
      const expectedTotal =
        toldTotal ?? totalOfMethod(values['totals'], values['shipping']) ?? seenTotal(values['seen']);
      try {
        const { order, setCookies } = await placeOrder(deps, carts, providers, {
          ...(await readBuyer(deps, c)),
          idempotencyKey: readIdempotencyKey(values),
          path: '/checkout',
          traceparent: c.get('traceparent'),
          request: parsed.data,
          expectedTotal,
        });
        await keepIfWished(deps, visitor.account?.id, values);
        return seeOther(`/orders/${order.id}`, setCookies);
      } catch (error) {
        const refusal = refusalToShow(error);
        if (refusal.code === 'cart-empty') return seeOther('/cart');
        return showCheckout(deps, c, (await view(c)).cart, { ...again, refusal, expectedTotal });
      }
    });
}

/** The order is placed already, so a failure to keep the address must not refuse it. */
async function keepIfWished(deps: Deps, accountId: string | undefined, values: FormValues): Promise<void> {
  const address = KeptAddressSchema.safeParse(readKeptAddress(values));
  if (accountId === undefined || values['keep-address'] !== 'yes' || !address.success) return;
  await keepAddress(deps.db, accountId, address.data).catch((error: unknown) =>
    deps.log.warn({ err: error }, 'an address could not be kept'),
  );
}

/** Fills in the chosen address, or the default one where the form is new. */
function fillIn(values: FormValues, addresses: AddressOfBook[]): FormValues {
  const isNew = values['line1'] === undefined;
  const isChosen = values['update'] === 'address';
  const chosen = isChosen
    ? addresses.find(({ id }) => id === values['kept-address'])
    : isNew
      ? addresses[0]
      : undefined;
  if (chosen === undefined) return values;
  const { id, isDefault: _, ...parts } = chosen;
  const empty = { line2: '', company: '', vatNumber: '' };
  return { ...values, ...empty, ...parts, 'kept-address': id };
}

interface QuotedForm {
  quote: Quote;
  /** Undefined where there is no code, or where the code is not valid. */
  promotion?: Promotion;
  /** Why the code is not valid. */
  codeFault?: string;
}

interface Shown {
  values: FormValues;
  providers: string[];
  faults?: FormFaults;
  refusal?: Refusal;
  /** The total that the refused order was expected to cost, in minor units. */
  expectedTotal?: number | undefined;
  status?: number;
  setCookies?: string[];
}

async function showCheckout(deps: Deps, c: Context<AppEnv>, cart: Cart, shown: Shown): Promise<Response> {
  const { providers, faults, refusal, setCookies } = shown;
  const { account } = await readVisitor(deps, c);
  const addresses =
    account === undefined ? [] : await readOwn(deps, c, (db) => listAddresses(db, account.id));
  const values = fillIn(shown.values, addresses);
  const [frame, variants, { quote, promotion, codeFault }] = await Promise.all([
    readFrame(deps, c, cart.count),
    readVariants(
      deps,
      cart.lines.map((line) => line.variantId),
    ),
    quoteForm(deps, cart, values, account?.id),
  ]);
  const known: FormValues = account === undefined ? {} : { email: account.email, name: account.name };
  const isWrong = faults !== undefined || refusal !== undefined || shown.status !== undefined;
  const content = checkoutPage({
    cart,
    variants,
    quote,
    promotion,
    codeFault,
    providers,
    isSignedIn: account !== undefined,
    addresses,
    values: { ...known, ...values },
    ...(faults ? { faults } : {}),
    changes: changesSince(values['seen'], cart),
    refused: describeRefusal(refusal, shown.expectedTotal ?? quote.price.total),
    toldTotal: totalOf(refusal),
  });
  return respondPage(c, layout({ title: titleOf('Check out', isWrong), ...frame }, content), {
    status: shown.status ?? refusal?.status ?? (faults ? 422 : 200),
    ...(setCookies ? { setCookies } : {}),
  });
}

/** Quotes what the form now says. An unknown country counts as the shop's own. */
async function quoteForm(
  deps: Deps,
  cart: Cart,
  values: FormValues,
  accountId: string | undefined,
): Promise<QuotedForm> {
  const [table, holidays, lines] = await Promise.all([
    readKnownShippingTable(deps),
    readKnownHolidays(deps),
    toQuoteLines(deps, cart),
  ]);
  const country = findCountry(values['country'] ?? '')?.code ?? deps.settings.shopCountry;
  const by = { lines, table, holidays, country, method: values['shipping'] };
  const { shopCountry } = deps.settings;
  const quote = (promotion?: Promotion) => makeQuote({ ...by, promotion, nowMs: deps.now(), shopCountry });
  const code = values['code']?.trim() ?? '';
  if (code === '') return { quote: quote() };
  const customer = { email: values['email']?.trim() || undefined, accountId };
  try {
    const promotion = await readPromotionFor(deps, code, { lines, customer });
    return { quote: quote(promotion), promotion };
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'promotion-refused') throw error;
    return { quote: quote(), codeFault: `${error.message}.` };
  }
}

/** Describes the refusal. Each line also shows how many pieces are left. */
function describeRefusal(refusal: Refusal | undefined, expectedTotal: number): string | undefined {
  switch (refusal?.code) {
    case undefined:
      return undefined;
    case 'out-of-stock':
      return 'Not everything in your bag is still available. Nothing was ordered: please change the bag.';
    case 'price-changed':
      return `The total changed: it is now ${formatMoney(totalOf(refusal) ?? 0)} instead of ${formatMoney(expectedTotal)}. Nothing was ordered yet. If that is fine with you, buy now.`;
    case 'idempotency-key-reused':
      return 'This form was sent before with other contents. Your account and your mail show what was ordered; to order this as well, buy now.';
    default:
      return `${refusal?.message}.`;
  }
}

/** @returns minor units where the refusal tells the present total */
function totalOf(refusal: Refusal | undefined): number | undefined {
  return (refusal?.details['total'] as Money | undefined)?.amount;
}

function readToldTotal(text: string | undefined): number | undefined {
  return /^\d{1,10}$/.test(text ?? '') ? Number(text) : undefined;
}
