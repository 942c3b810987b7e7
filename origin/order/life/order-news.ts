// Mails about what happens to an order after it was placed. Each is requested in the transaction of its event.
import { sql } from 'kysely';
import type { Deps } from '../../deps.ts';
import type { Mail } from '../../mail/mail.ts';
import { addToOutbox } from '../../outbox/events.ts';
import type { DbOrTx, Tx } from '../../schema.ts';
import { formatMoney } from '../../web/money.ts';
import { orderLink } from '../guest-orders.ts';
import type { Deed, Life } from './order-life.ts';

interface Happened {
  before: Life;
  next: Life;
  deed: Deed;
  shipmentId?: string;
  returnId?: string;
}

/** What a mail is about, besides its order. */
type About = { shipmentId?: string; returnId?: string; refundId?: string };
type Paragraphs = Mail['paragraphs'];

/** Requests the mail in the transaction of the event, so that a rollback sends none and a commit sends one. */
export async function requestNews(tx: Tx, orderId: string, happened: Happened): Promise<void> {
  const news = newsOf(happened);
  if (news === undefined) return;
  const { email } = await tx
    .selectFrom('orders')
    .select('email')
    .where('id', '=', orderId)
    .executeTakeFirstOrThrow();
  if (email === null) return;
  await addToOutbox(tx, 'mail', {
    to: email,
    template: news.template,
    data: { orderId, ...news.about },
  });
}

function newsOf({ before, next, deed, shipmentId, returnId }: Happened): News | undefined {
  switch (deed.what) {
    case 'ship':
      return { template: 'order-shipped', about: { shipmentId: shipmentId! } };
    case 'deliver': {
      const isFirst = before.shipments.find(({ id }) => id === deed.shipment)?.deliveredAtMs === null;
      return isFirst ? { template: 'order-delivered', about: { shipmentId: deed.shipment } } : undefined;
    }
    case 'take-money':
      return next.status === 'paid' ? { template: 'order-paid', about: {} } : undefined;
    case 'payment':
      return newsOfPayment(before, next);
    case 'cancel':
      return { template: 'order-cancelled', about: {} };
    case 'request-return':
      return { template: 'return-requested', about: { returnId: returnId! } };
    case 'receive-return':
      return { template: 'return-received', about: { returnId: deed.id } };
    case 'refuse-return':
      return { template: 'return-refused', about: { returnId: deed.id } };
    case 'refund-outcome': {
      const isDone = next.refunds.find(({ id }) => id === deed.refund)?.status === 'done';
      return isDone ? { template: 'order-refunded', about: { refundId: deed.refund } } : undefined;
    }
    default:
      return undefined;
  }
}

/**
 * Only for an order that was confirmed when its payment was authorised. Otherwise the confirmation tells of the
 * payment.
 */
function newsOfPayment(before: Life, next: Life): News | undefined {
  if (before.payment !== 'authorised' || before.status === 'cancelled') return undefined;
  if (next.status === 'paid') return { template: 'order-paid', about: {} };
  return next.status === 'cancelled' ? { template: 'order-cancelled', about: {} } : undefined;
}

interface News {
  template: keyof typeof writers;
  about: About;
}

interface Told {
  number: string;
  about: About;
  db: DbOrTx;
}

const writers = {
  async 'order-shipped'({ number, about, db }: Told) {
    const shipment = await readShipment(db, about.shipmentId!);
    const { carrier, tracking_number: tracking, tracking_url: url } = shipment;
    return {
      subject: `Your order ${number} is on its way`,
      paragraphs: [
        'Good news: your parcel has left our shop.',
        ...(await piecesOf(db, { shipmentId: about.shipmentId! })),
        `Carrier: ${carrier}${tracking === null ? '' : `, tracking number ${tracking}`}`,
        ...(url === null ? [] : [{ link: url, text: 'Track your parcel' }]),
      ],
    };
  },
  async 'order-delivered'({ number, about, db }: Told) {
    return {
      subject: `Your order ${number} was delivered`,
      paragraphs: [
        'Your parcel has arrived.',
        ...(await piecesOf(db, { shipmentId: about.shipmentId! })),
        'Something does not fit? Send it back from the page of your order.',
      ],
    };
  },
  async 'order-paid'({ number }: Told) {
    return {
      subject: `Your order ${number} is paid`,
      paragraphs: [`We have received the money for your order ${number}. Thank you.`],
    };
  },
  async 'order-cancelled'({ number }: Told) {
    return {
      subject: `Your order ${number} is cancelled`,
      paragraphs: [
        `Your order ${number} is cancelled. Nothing will be sent.`,
        'Whatever you have paid comes back to you by the way that you paid.',
      ],
    };
  },
  async 'order-refunded'({ number, about, db }: Told) {
    const { amount, reason } = await db
      .selectFrom('refunds')
      .select(['amount', 'reason'])
      .where('id', '=', about.refundId!)
      .executeTakeFirstOrThrow();
    return {
      subject: `We have refunded ${formatMoney(amount)} for your order ${number}`,
      paragraphs: [
        `We have paid back ${formatMoney(amount)}.`,
        ...(reason === '' ? [] : [`Reason: ${reason}`]),
        'Banks may need a few days to show it.',
      ],
    };
  },
  async 'return-requested'({ about, db }: Told) {
    const { number } = await readReturn(db, about.returnId!);
    return {
      subject: `Your return ${number}`,
      paragraphs: [
        'We have noted that you send these pieces back:',
        ...(await piecesOf(db, { returnId: about.returnId! })),
        `Please write the number ${number} on the parcel, or put it inside. When the pieces are here we pay them back.`,
      ],
    };
  },
  async 'return-received'({ about, db }: Told) {
    const { number, amount } = await readReturn(db, about.returnId!);
    return {
      subject: `We have received your return ${number}`,
      paragraphs: [
        'Your return has arrived. Thank you.',
        ...(amount === null ? [] : [`We pay back ${formatMoney(amount)}, by the way that you paid.`]),
      ],
    };
  },
  async 'return-refused'({ about, db }: Told) {
    const { number, refusal } = await readReturn(db, about.returnId!);
    return {
      subject: `About your return ${number}`,
      paragraphs: [
        `We cannot accept the return ${number}.`,
        ...(refusal ? [`The reason: ${refusal}`] : []),
        'Reply to this mail if you think that this is wrong.',
      ],
    };
  },
} satisfies Record<string, (told: Told) => Promise<{ subject: string; paragraphs: Paragraphs }>>;

export const orderNews = Object.keys(writers) as (keyof typeof writers)[];

/** Composes the mail for its job. @returns undefined where the order does not exist or no longer has this e-mail */
export async function prepareOrderNews(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  to: string,
  template: keyof typeof writers,
  data: Record<string, unknown>,
): Promise<Mail | undefined> {
  const order = await db
    .selectFrom('orders')
    .select(['id', 'number'])
    .where('id', '=', String(data['orderId']))
    .where('email', '=', to)
    .executeTakeFirst();
  if (order === undefined) return undefined;
  const { subject, paragraphs } = await writers[template]({ number: order.number, about: data, db });
  return {
    to,
    subject,
    paragraphs: [...paragraphs, { link: orderLink(settings, order), text: 'See your order' }],
  };
}

function readShipment(db: DbOrTx, id: string) {
  return db.selectFrom('shipments').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

function readReturn(db: DbOrTx, id: string) {
  return db
    .selectFrom('returns')
    .leftJoin('refunds', 'refunds.id', 'returns.refund_id')
    .select(['returns.number', 'returns.refusal', 'refunds.amount'])
    .where('returns.id', '=', id)
    .executeTakeFirstOrThrow();
}

/** Describes pieces, such as `2 × Plain Tee, Navy, M`. */
async function piecesOf(db: DbOrTx, about: Pick<About, 'shipmentId' | 'returnId'>): Promise<string[]> {
  const parts =
    about.shipmentId === undefined
      ? sql`return_lines part join returns whole on whole.id = part.return_id and whole.id = ${about.returnId}`
      : sql`shipment_lines part join shipments whole on whole.id = part.shipment_id and whole.id = ${about.shipmentId}`;
  const { rows } = await sql<{ quantity: number; name: string; color: string; size: string }>`
    select part.quantity, line.name, line.color, line.size from ${parts}
    join order_lines line on line.order_id = whole.order_id and line.variant_id = part.variant_id
    order by line.position`.execute(db);
  return rows.map(
    ({ quantity, name, color, size }) => `${quantity} × ${[name, color, size].filter(Boolean).join(', ')}`,
  );
}
