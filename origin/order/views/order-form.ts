// Turns the checkout form into the request to place an order.
// The form carries what the shopper saw, so that a changed price or quantity is confirmed first.

import type { Cart } from '../../cart/cart.ts';
import { formatMoney } from '../../web/money.ts';
import type { FormValues } from '../../web/page/form.ts';
import { type Html, html } from '../../web/page/html.ts';
import type { Quote } from '../quote.ts';
import { addressLengths, companyLengths } from '../shipping-address.ts';
import { readPayment } from './payment.ts';

export function readOrderRequest(values: FormValues): unknown {
  const {
    name = '',
    line1 = '',
    line2 = '',
    city = '',
    postalCode = '',
    country = '',
    shipping = '',
    code = '',
    company = '',
    vatNumber = '',
  } = values;
  const shippingAddress = { name, line1, line2, city, postalCode, country };
  const isForCompany = company.trim() !== '' || vatNumber.trim() !== '';
  return {
    email: (values['email'] ?? '').trim(),
    shippingAddress,
    ...(isForCompany ? { billingAddress: { ...shippingAddress, company, vatNumber } } : {}),
    ...(shipping === '' ? {} : { shippingMethod: shipping }),
    ...(code.trim() === '' ? {} : { promotionCode: code.trim() }),
    payment: readPayment(values),
  };
}

/** Reads an address from the form for the address book. The address book's page uses it too. */
export function readKeptAddress(values: FormValues): Record<string, string> {
  const names = [...Object.keys(addressLengths), 'country', ...Object.keys(companyLengths)];
  return Object.fromEntries(names.map((name) => [name, values[name] ?? '']));
}

// The form carries what the shopper saw at checkout, so that a changed price or quantity is confirmed before it is
// ordered.

export interface CartChange {
  /** The sentence that the shopper reads. */
  sentence: string;
}

interface SeenLine {
  quantity: number;
  /** Minor units. */
  unitPrice: number;
}

export function seenField(cart: Cart): Html {
  return html`<input type="hidden" name="seen" value="${describeCart(cart)}">`;
}

/** `variant*quantity@price`, in order of variants. */
export function describeCart(cart: Cart): string {
  return cart.lines
    .map((line) => `${line.variantId}*${line.quantity}@${line.unitPrice.amount}`)
    .sort()
    .join(' ');
}

/** @param seen what the form carried; a form without it has nothing to compare, so nothing counts as changed */
export function changesSince(seen: string | undefined, cart: Cart): CartChange[] {
  if (seen === undefined || seen === describeCart(cart)) return [];
  const before = parseSeen(seen);
  const changes = cart.lines.flatMap((line) => {
    const was = before.get(line.variantId);
    before.delete(line.variantId);
    const name = [line.name, line.color, line.size].filter(Boolean).join(', ');
    if (was === undefined) return [{ sentence: `${name} came into the bag.` }];
    const sentences: CartChange[] = [];
    if (was.unitPrice !== line.unitPrice.amount) {
      sentences.push({
        sentence: `${name} now costs ${formatMoney(line.unitPrice.amount)} instead of ${formatMoney(was.unitPrice)}.`,
      });
    }
    if (was.quantity !== line.quantity) {
      sentences.push({ sentence: `${name}: ${line.quantity} in the bag instead of ${was.quantity}.` });
    }
    return sentences;
  });
  if (before.size > 0) changes.push({ sentence: 'Something that was in the bag no longer is.' });
  return changes;
}

/** @returns the total of the lines that the shopper saw, in minor units; undefined for a form that carried none */
export function seenTotal(seen: string | undefined): number | undefined {
  if (seen === undefined) return undefined;
  return [...parseSeen(seen).values()].reduce((sum, line) => sum + line.quantity * line.unitPrice, 0);
}

/** Carries the order's total by each method, as the page shows it: `method:total`, the chosen one first. */
export function totalsField({ choices, shipping }: Quote): Html {
  const all = choices
    .toSorted((a, b) => Number(b.shipping === shipping) - Number(a.shipping === shipping))
    .map(({ shipping: { method }, total }) => `${method}:${total}`);
  return html`<input type="hidden" name="totals" value="${all.join(' ')}">`;
}

/** @returns minor units; undefined where the form showed no total of this method */
export function totalOfMethod(totals: string | undefined, method: string | undefined): number | undefined {
  const found = [...(totals ?? '').matchAll(/([\w-]{1,40}):(\d{1,10})(?= |$)/g)];
  const [, , total] = found.find(([, name]) => method === undefined || method === name) ?? [];
  return total === undefined ? undefined : Number(total);
}

function parseSeen(text: string): Map<string, SeenLine> {
  const lines = new Map<string, SeenLine>();
  for (const [, variantId, quantity, price] of text.matchAll(/(\S{1,64})\*(\d{1,6})@(\d{1,10})/g)) {
    lines.set(variantId!, { quantity: Number(quantity), unitPrice: Number(price) });
  }
  return lines;
}
