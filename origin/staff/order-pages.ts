// Serves the staff's pages of orders, returns and customers, and the forms of one order.
// Actions use the same functions as the API.
import { type Context, Hono } from 'hono';
import { dayOfShop } from '../checkout/delivery-dates.ts';
import type { Deps } from '../deps.ts';
import { Refusal } from '../errors.ts';
import {
  needsProof,
  readVisitor,
  requireFreshProof,
  requireStaff,
  requireStaffAccount,
} from '../identity/visitor.ts';
import { createDocumentReader, respondNamedDocument } from '../order/invoice/invoice-api.ts';
import type { Deed, OrderChange, Parcel, Pieces } from '../order/life/order-life.ts';
import { askRefundAgain, refundFaultsOf } from '../order/life/pay-back.ts';
import { performDeed } from '../order/life/perform-deed.ts';
import { listStaffOrders, readStaffOrder, type StaffOrderDetail } from '../order/life/staff-orders.ts';
import { listReturns, listToShip, toPickList } from '../order/life/staff-queues.ts';
import type { PaymentProviders } from '../order/payment/providers.ts';
import { listWithdrawals } from '../order/withdrawal.ts';
import { idPattern } from '../web/api/api.ts';
import { toPlainWords } from '../web/api/plain-text.ts';
import type { AppEnv } from '../web/env.ts';
import { type FormValues, readForm, readIdempotencyKey, refusalToShow } from '../web/page/form.ts';
import type { PageVisitor } from '../web/page/layout.ts';
import { respondPage, seeOther } from '../web/page/page-response.ts';
import { listCustomers, readCustomer } from './customers.ts';
import { OrderListQuerySchema, ShipmentToWriteSchema, toFilter } from './orders-api.ts';
import { staffOrderPage } from './views/order.ts';
import {
  customerPage,
  customersPage,
  ordersPage,
  returnStatusNames,
  returnsPage,
} from './views/order-lists.ts';
import { packingSlipPage, pickListPage, toShipPage } from './views/to-ship.ts';

const pageSize = 50;

/** Mount this behind the guard of the staff's pages. */
export function staffOrderPages(deps: Deps, providers: PaymentProviders): Hono<AppEnv> {
  const readDocument = createDocumentReader(deps);
  const visitorOf = async (c: Context<AppEnv>) => ({ name: (await readVisitor(deps, c)).account?.name });
  return new Hono<AppEnv>()
    .get('/staff/orders', (c) => showOrders(deps, c))
    .get('/staff/orders/:id', (c) => showOrder(deps, c))
    .get('/staff/orders/:id/documents/:name', async (c) => {
      const { id } = await readStaffOrder(deps.db, c.req.param('id'));
      return respondNamedDocument(c, readDocument, id, c.req.param('name'));
    })
    .get('/staff/orders/:id/packing-slip', async (c) => {
      const order = await readStaffOrder(deps.db, c.req.param('id'));
      return respondPage(c, packingSlipPage(await visitorOf(c), order, deps.settings.returnDays));
    })
    .get('/staff/to-ship', async (c) => showToShip(deps, c, await visitorOf(c)))
    .get('/staff/to-ship/pick-list', async (c) => {
      const orders = await listToShip(deps.db, { limit: pageSize });
      return respondPage(c, pickListPage(await visitorOf(c), toPickList(orders), orders));
    })
    .post('/staff/orders/:id', async (c) => {
      const values = await readForm(c);
      const id = c.req.param('id');
      try {
        const { id: accountId, scope } = await requireStaff(deps, c);
        if (values['deed'] === 'refund') requireFreshProof(await requireStaffAccount(deps, c), deps.now());
        if (values['deed'] === 'ask-refund') {
          await askRefundAgain(deps, providers, id);
        } else {
          const order = await readStaffOrder(deps.db, id);
          const { 'idempotency-key': _, ...body } = values;
          const write = {
            scope,
            key: readIdempotencyKey(values),
            method: 'POST',
            path: c.req.path,
            body,
          };
          const change = { ...readChange(order, values), by: { who: 'staff' as const, accountId } };
          await performDeed({ deps, providers }, { orderId: id, write, change });
        }
        return seeOther(`/staff/orders/${id}`);
      } catch (error) {
        const refusal = refusalToShow(error);
        if (refusal.status === 404) throw refusal;
        if (needsProof(refusal)) return seeOther(`/verify?${new URLSearchParams({ next: c.req.path })}`);
        return showOrder(deps, c, { values, refusal });
      }
    })
    .get('/staff/returns', async (c) => {
      const asked = c.req.query('status') ?? 'requested';
      const status = (returnStatusNames[asked] === undefined ? 'requested' : asked) as 'requested';
      const cursor = c.req.query('cursor');
      const after = cursor !== undefined && idPattern.test(cursor) ? cursor : undefined;
      const found = await listReturns(deps.db, { status, after, limit: pageSize + 1 });
      const items = found.slice(0, pageSize);
      const next = new URLSearchParams({ status, cursor: items.at(-1)?.id ?? '' });
      const nextUrl = found.length > pageSize ? `/staff/returns?${next}` : undefined;
      const withdrawals = await listWithdrawals(deps.db, 20);
      const page = returnsPage({ visitor: await visitorOf(c), status, items, nextUrl, withdrawals });
      return respondPage(c, page);
    })
    .get('/staff/customers', async (c) => {
      const q = (c.req.query('q') ?? '').slice(0, 200);
      const { items, nextCursor } = await listCustomers(deps, {
        q,
        cursor: c.req.query('cursor'),
        limit: pageSize,
      });
      const nextUrl =
        nextCursor === null
          ? undefined
          : `/staff/customers?${new URLSearchParams({ q, cursor: nextCursor })}`;
      return respondPage(c, customersPage({ visitor: await visitorOf(c), q, items, nextUrl }));
    })
    .get('/staff/customers/:id', async (c) =>
      respondPage(c, customerPage(await visitorOf(c), await readCustomer(deps, c.req.param('id')))),
    );
}

/** Lists orders to ship. A scanned number, or a code in only one order, leads directly to that order. */
async function showToShip(deps: Deps, c: Context<AppEnv>, visitor: PageVisitor): Promise<Response> {
  const scan = toPlainWords(c.req.query('scan') ?? '').slice(0, 200);
  const cursor = c.req.query('cursor');
  const after = cursor !== undefined && idPattern.test(cursor) ? cursor : undefined;
  const found = await listToShip(deps.db, { after, limit: pageSize + 1, code: scan || undefined });
  if (scan !== '' && found.length === 1 && after === undefined)
    return seeOther(`/staff/orders/${found[0]!.id}#ship`);
  const items = found.slice(0, pageSize);
  const next = new URLSearchParams({ ...(scan ? { scan } : {}), cursor: items.at(-1)?.id ?? '' });
  const nextUrl = found.length > pageSize ? `/staff/to-ship?${next}` : undefined;
  const today = dayOfShop(deps.now(), deps.settings.shopCountry);
  return respondPage(c, toShipPage({ visitor, items, nextUrl, scan, today }));
}

async function showOrders(deps: Deps, c: Context<AppEnv>): Promise<Response> {
  const { account } = await readVisitor(deps, c);
  // Empty fields of the form are no filters.
  const asked = Object.entries(c.req.query()).filter(([, value]) => value !== '');
  const { cursor, ...filter } = Object.fromEntries(asked);
  const visitor = { name: account?.name };
  const parsed = OrderListQuerySchema.safeParse(filter);
  if (!parsed.success) {
    const fault = 'This filter cannot be used. Please choose again.';
    return respondPage(c, ordersPage({ visitor, filter, items: [], nextUrl: undefined, fault }), {
      status: 400,
    });
  }
  const query = { ...toFilter(parsed.data), cursor, limit: pageSize };
  const { items, nextCursor } = await listStaffOrders(deps.db, query);
  const next = nextCursor === null ? undefined : new URLSearchParams({ ...filter, cursor: nextCursor });
  const nextUrl = next === undefined ? undefined : `/staff/orders?${next}`;
  return respondPage(c, ordersPage({ visitor, filter, items, nextUrl }));
}

async function showOrder(
  deps: Deps,
  c: Context<AppEnv>,
  refused?: { values: FormValues; refusal: Refusal },
): Promise<Response> {
  const order = await readStaffOrder(deps.db, c.req.param('id') ?? '');
  const [{ account }, refundFaults] = await Promise.all([
    readVisitor(deps, c),
    refundFaultsOf(deps.db, order.id),
  ]);
  const page = staffOrderPage({
    visitor: { name: account?.name },
    order,
    refundFaults,
    entered: refused?.values,
    refused: refused && `${refused.refusal.message}.`,
  });
  return respondPage(c, page, { status: refused?.refusal.status ?? 200 });
}

/** @throws Refusal 422 with the missing input */
function readChange(order: StaffOrderDetail, values: FormValues): Omit<OrderChange, 'by'> {
  const deed = values['deed'];
  switch (deed) {
    case 'ship':
      return { deed: { what: 'ship', lines: readShipped(order, values) }, parcel: readParcel(values) };
    case 'deliver':
      return { deed: readDelivery(order, values) };
    case 'take-money':
      return {
        deed: { what: 'take-money', amount: readEuros(values['door-amount']) },
        reference: clean(values['door-reference'], 100) || undefined,
      };
    case 'cancel':
      return { deed: { what: 'cancel' }, reason: requireText(values['cancel-reason'], 'a reason') };
    case 'refund':
      return {
        deed: {
          what: 'refund',
          amount: readEuros(values['refund-amount']),
          restock: readPieces(order.lines, 'restock', values),
        },
        reason: requireText(values['refund-reason'], 'a reason'),
      };
    case 'refund-done':
      return { deed: { what: 'refund-outcome', refund: values['refund'] ?? '', to: 'done' } };
    case 'receive-return':
      return { deed: readReceipt(order, values) };
    case 'refuse-return': {
      const id = values['return'] ?? '';
      return {
        deed: { what: 'refuse-return', id },
        reason: requireText(values[`refusal-${id}`], 'a reason'),
      };
    }
    default:
      throw new Refusal(422, 'invalid-body', 'This page does not know that form');
  }
}

function readReceipt(order: StaffOrderDetail, values: FormValues): Deed {
  const id = values['return'] ?? '';
  const restock = values['restock'] === 'yes';
  const lines = readPieces(order.lines, `received-${id}`, values);
  return { what: 'receive-return', id, lines: lines.map((line) => ({ ...line, restock })) };
}

function readShipped(order: StaffOrderDetail, values: FormValues): Pieces[] {
  const lines = readPieces(order.lines, 'ship', values);
  if (lines.length === 0) throw new Refusal(422, 'invalid-body', 'Please say what is in the parcel');
  return lines;
}

function readPieces(lines: { variantId: string }[], prefix: string, values: FormValues): Pieces[] {
  return lines
    .map(({ variantId }) => {
      const text = (values[`${prefix}-${variantId}`] ?? '0').trim();
      if (!/^\d{0,4}$/.test(text))
        throw new Refusal(422, 'invalid-body', 'Please enter whole numbers of pieces');
      return { variantId, quantity: Number(text) };
    })
    .filter(({ quantity }) => quantity > 0);
}

function readParcel(values: FormValues): Parcel {
  const parsed = ShipmentToWriteSchema.safeParse({
    carrier: values['carrier'] ?? '',
    trackingNumber: values['tracking-number'],
    trackingUrl: values['tracking-url']?.trim() || undefined,
  });
  if (parsed.success) return parsed.data;
  const isUrl = parsed.error.issues.some(({ path }) => path[0] === 'trackingUrl');
  const wanted = isUrl ? 'an address of the tracking page that begins with https://' : 'the carrier';
  throw new Refusal(422, 'invalid-body', `Please enter ${wanted}`);
}

/** The time of delivery is never before the shipment on the same day. */
function readDelivery({ shipments }: StaffOrderDetail, values: FormValues): Deed {
  const shipment = values['shipment'] ?? '';
  const atMs = readDay(values['delivered']);
  const shippedAt = shipments.find(({ id }) => id === shipment)?.shippedAt ?? '';
  const isSameDay = shippedAt.startsWith(values['delivered'] ?? '');
  return { what: 'deliver', shipment, atMs: isSameDay ? Math.max(atMs, Date.parse(shippedAt)) : atMs };
}

/** Noon of the day, so that it is that day in all of Europe. The present day becomes the present time. */
function readDay(text = ''): number {
  const noon = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T12:00:00Z`) : Number.NaN;
  if (Number.isNaN(noon) || noon > Date.now() + 86_400_000)
    throw new Refusal(422, 'invalid-body', 'Please enter the day of delivery');
  return Math.min(noon, Date.now());
}

function readEuros(text = ''): number {
  const [, whole, cents = ''] = /^(\d{1,7})(?:[.,](\d{1,2}))?$/.exec(text.trim()) ?? [];
  if (whole === undefined) throw new Refusal(422, 'invalid-body', 'Please enter an amount such as 19.99');
  return Number(whole) * 100 + Number(cents.padEnd(2, '0'));
}

function requireText(text: string | undefined, what: string): string {
  const entered = clean(text, 500);
  if (entered === '') throw new Refusal(422, 'invalid-body', `Please enter ${what}`);
  return entered;
}

function clean(text: string | undefined, most: number): string {
  return (text ?? '')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, most);
}
