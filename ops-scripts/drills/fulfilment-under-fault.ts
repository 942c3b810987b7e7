// Runs the drills in which two members of the staff ship, cancel and refund the same orders at once, under faults.
// Provider, worker, Redis and the Postgres primary are lost, together or one by one. Each deed happens once or is
// refused. Events, pieces and money of every order are compared with a model, and stock with what left it.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { CookieJar } from '../traffic/http-connection.ts';
import { readVariants } from '../traffic/read-catalog.ts';
import type { SeededRandom } from '../traffic/seeded-random.ts';
import { availableOf, orderOnce, pieces as stocked, stockUp, untilAnswered } from './checkout-under-fault.ts';
import type { DrillContext, DrillResult } from './drill.ts';
import {
  type AnsweredDeed,
  type Doings,
  judgeOrder,
  type OrderJudgement,
  type OrderSeen,
  type PlacedPieces,
  type StaffDeed,
} from './fulfilment-oracle.ts';
import type { DrillRegion } from './region.ts';
import { Timeline } from './report.ts';
import { type StaffMember, signInMember } from './staff.ts';
import { type StripeServer, startStripeServer } from './stripe-server.ts';

interface Work extends PlacedPieces {
  id: string;
  doings: Doings[];
}

interface Parts {
  context: DrillContext;
  stripe: StripeServer;
  staff: StaffMember[];
  variants: string[];
  timeline: Timeline;
}

interface PlannedFault {
  label: string;
  /** Called once a quarter of its orders is being worked on. */
  begin(parts: Parts): void;
  /** Called once most of the orders are done. */
  end?(parts: Parts): void;
}

const atOnce = 6;
const patienceMs = 90_000;
const requestMs = 20_000;

/** Everything is lost at the same moment. */
export function fulfilmentUnderFault(context: DrillContext): Promise<DrillResult> {
  return fulfilUnder(context, {
    drill: 'fulfilment-under-fault',
    faults: [everythingLost],
    orders: context.short ? 40 : 200,
  });
}

/** Parts are lost one after the other. Each is rebuilt before the next fault. */
export function fulfilmentUnderEachFault(context: DrillContext): Promise<DrillResult> {
  return fulfilUnder(context, {
    drill: 'fulfilment-under-each-fault',
    faults: singleFaults,
    orders: context.short ? 8 : 40,
  });
}

interface FulfilmentPlan {
  drill: string;
  faults: PlannedFault[];
  /** The number of orders during each fault. */
  orders: number;
}

async function fulfilUnder(context: DrillContext, plan: FulfilmentPlan): Promise<DrillResult> {
  const { region, state, seed } = context;
  await using stripe = await startStripeServer();
  await using _paying = await payThrough(region, stripe);
  const [{ slug, id: first }, second] = await chooseVariants(region.storefront);
  for (const id of [first, second]) await stockUp(region, id);
  const began = performance.now();
  const timeline = new Timeline(() => performance.now() - began);
  const staff = await hireStaff(region, (status) => timeline.tell(status));
  const parts: Parts = { context, stripe, staff, variants: [first, second], timeline };
  const works: Work[] = [];
  let longestGapSeconds = 0;
  for (const fault of plan.faults) {
    works.push(...(await workThrough(parts, fault, plan.orders)));
    longestGapSeconds = Math.max(longestGapSeconds, timeline.longestGapSeconds);
    await region.rebuilt();
    await region.healed();
    timeline.heal();
  }
  const judged = await judgeAll(parts, works);
  const stock = await judgeStock(parts, slug, works, judged);
  const deeds = works.flatMap(({ doings }) => doings).flatMap((one) => one.deeds);
  const acknowledged = deeds.filter(({ status }) => status === 200 || status === 201).length;
  const open = deeds.filter(({ status }) => status === 0).length;
  const lost = judged.reduce((sum, one) => sum + one.lost, stock.lost);
  const duplicated = judged.reduce((sum, one) => sum + one.duplicated, stock.duplicated);
  const wrong = judged.flatMap(({ faults: found }, at) =>
    found.map((fault) => `order ${works[at]!.id}: ${fault}`),
  );
  return {
    drill: plan.drill,
    state,
    seed,
    acknowledged,
    lost,
    duplicated,
    errors: open + wrong.length,
    unavailableSeconds: Math.round(longestGapSeconds * 100) / 100,
    recoverySeconds: Math.round(timeline.recoverySeconds * 100) / 100,
    verdict: acknowledged > 0 && lost + duplicated + open + wrong.length === 0 ? 'pass' : 'fail',
    notes: [
      `${deeds.length} deeds on ${works.length} orders: ${acknowledged} done, ${deeds.length - acknowledged - open} refused, ${open} never answered`,
      `${stripe.refunds.length} refunds at the provider, of ${sum(stripe.refunds.map(({ amount }) => amount))} cents`,
      ...stock.notes,
    ],
    picture: timeline.draw(),
    ...(wrong.length > 0 ? { history: wrong } : {}),
  };
}

const loseProvider = {
  begin: ({ stripe }: Parts) => void Object.assign(stripe, { isAway: true }),
  end: ({ stripe }: Parts) => void Object.assign(stripe, { isAway: false, losesAnswers: false }),
};
const kill = (kind: string) => ({
  begin: ({ context: { region } }: Parts) => region.signal(region.ofKind(kind), 'SIGKILL'),
});

const singleFaults: PlannedFault[] = [
  { label: 'the provider is away', ...loseProvider },
  {
    label: 'the provider carries out what it is asked, and its answers are lost',
    ...loseProvider,
    begin: ({ stripe }) => void Object.assign(stripe, { losesAnswers: 'writes' }),
  },
  { label: 'kill -9 a worker', ...kill('worker') },
  { label: 'kill -9 the Redis primary', ...kill('redis-primary') },
  { label: 'kill -9 the Postgres primary', ...kill('postgres-primary') },
];

const everythingLost: PlannedFault = {
  label: 'kill -9 Postgres primary, Redis primary and every worker, and the provider is away',
  begin(parts) {
    loseProvider.begin(parts);
    const { region } = parts.context;
    const lost = region.parts.filter(({ kind }) =>
      ['postgres-primary', 'redis-primary', 'worker'].includes(kind),
    );
    for (const part of lost) region.signal(part, 'SIGKILL');
  },
  end: loseProvider.end,
};

/** Gives origins and workers the provider's settings until the drill ends. */
async function payThrough(region: DrillRegion, stripe: StripeServer): Promise<AsyncDisposable> {
  const lead = async (env: Record<string, string>) => {
    await region.refresh();
    for (const part of region.parts.filter(({ kind }) => kind === 'origin' || kind === 'worker'))
      await region.replace(part, { env });
  };
  await lead({ PAYMENT_PROVIDERS: 'demo,on-delivery,stripe', ...stripe.settings });
  // The keys stay, because a part would refuse to start without them. The provider is just no longer offered.
  return { [Symbol.asyncDispose]: () => lead({ PAYMENT_PROVIDERS: 'demo,on-delivery' }) };
}

async function chooseVariants(url: string): Promise<[{ slug: string; id: string }, string]> {
  const [one, other] = await readVariants(url, 1);
  if (one === undefined || other === undefined) throw new Error('Cannot find two variants of a product');
  return [one, other.id];
}

/** Returns the owner, and a second member to whom the owner gives a role. */
async function hireStaff(region: DrillRegion, tell: (status: number) => void): Promise<StaffMember[]> {
  const { storefront: url } = region;
  const owner = await signInMember(url, region.staff, tell);
  const second = { email: `second-${randomUUID()}@myclothes.test`, password: randomUUID() };
  const body = { ...second, name: 'Second Member' };
  const joined = await untilAnswered(url, { path: '/api/accounts', body, jar: new CookieJar() });
  if (joined?.status !== 201) throw new Error(`Cannot make a second account: ${joined?.status}`);
  const hired = await owner.write('POST', '/api/staff/members', { email: second.email, role: 'staff' });
  if (hired.status !== 201) throw new Error(`Cannot give the second account a role: ${hired.status}`);
  return [owner, await signInMember(url, second, tell)];
}

/** Places the orders before the fault. The fault begins once a quarter of them is being worked on. */
async function workThrough(parts: Parts, fault: PlannedFault, count: number): Promise<Work[]> {
  const { context, timeline } = parts;
  const works = await inParallel(
    Array.from({ length: count }, (_, at) => at),
    (at) => place(parts, at),
  );
  // Gaps count only while staff are at work.
  timeline.begin();
  let begun = 0;
  let hasEnded = false;
  const end = () => {
    if (hasEnded) return;
    hasEnded = true;
    fault.end?.(parts);
  };
  await inParallel(works, async (work) => {
    begun += 1;
    if (begun === Math.ceil(count / 4)) {
      fault.begin(parts);
      timeline.mark(fault.label);
    }
    if (begun === Math.ceil((count * 7) / 8)) end();
    const plans = parts.staff.map(() => planDeeds(context.random, work));
    work.doings = await Promise.all(
      parts.staff.map(async (member, at) => ({
        who: member.email,
        deeds: await doAll(member, work.id, plans[at]!),
      })),
    );
  });
  end();
  return works;
}

/** Places an order. Two thirds are paid by card, the others at the door. */
async function place({ context, stripe, variants }: Parts, at: number): Promise<Work> {
  const url = context.region.storefront;
  const isAtDoor = at % 3 === 2;
  const lines = variants.map((variantId, index) => ({ variantId, quantity: 2 + index }));
  const { id, total } = await orderOnce(url, lines, isAtDoor ? 'on-delivery' : 'stripe');
  if (!isAtDoor) await payAtStripe(url, stripe, id);
  return { id, lines, total, isAtDoor, doings: [] };
}

async function payAtStripe(url: string, stripe: StripeServer, orderId: string): Promise<void> {
  const session = stripe.sessions.findLast(({ client_reference_id: id }) => id === orderId);
  if (session === undefined) throw new Error(`The provider opened no page for order ${orderId}`);
  Object.assign(session, { status: 'complete', payment_status: 'paid', intentStatus: 'succeeded' });
  const { body, headers } = await stripe.event('checkout.session.completed', session);
  const answer = await fetch(`${url}/api/webhooks/stripe`, { method: 'POST', body, headers });
  if (!answer.ok) throw new Error(`The webhook of order ${orderId} was answered ${answer.status}`);
}

/** Plans deeds that collide: both members choose from the same few deeds. */
function planDeeds(random: SeededRandom, { total, lines, isAtDoor }: Work): StaffDeed[] {
  const one = () => ({ variantId: random.pick(lines).variantId, quantity: random.integer(1, 2) });
  const part = () => Math.ceil((total * random.pick([30, 60, 100])) / 100);
  const choices: (() => StaffDeed)[] = [
    () => ({ what: 'ship' }),
    () => ({ what: 'ship', lines: [one()] }),
    () => ({ what: 'cancel' }),
    () => ({ what: 'refund', amount: part(), restock: [] }),
    () => ({ what: 'refund', amount: part(), restock: [one()] }),
  ];
  const atDoor: (() => StaffDeed)[] = [() => ({ what: 'take-money', amount: part() })];
  const chosen = isAtDoor ? [...choices, ...atDoor, ...atDoor, ...atDoor] : choices;
  return Array.from({ length: random.integer(1, 3) }, () => random.pick(chosen)());
}

async function doAll(member: StaffMember, orderId: string, deeds: StaffDeed[]): Promise<AnsweredDeed[]> {
  const answered: AnsweredDeed[] = [];
  for (const deed of deeds) answered.push(await doOne(member, orderId, deed));
  return answered;
}

/** Sends a deed with one key until it is answered, and repeats it once after success. */
async function doOne(member: StaffMember, orderId: string, deed: StaffDeed): Promise<AnsweredDeed> {
  const { path, body } = requestOf(deed);
  const ask = { path: `/api/staff/orders/${orderId}/${path}`, key: randomUUID() };
  const first = await member.write('POST', ask.path, body, { key: ask.key, patienceMs, requestMs });
  if (first.status !== 200 && first.status !== 201)
    return { deed, status: first.status, code: (first.body as { code?: string } | undefined)?.code };
  const again = await member.write('POST', ask.path, body, { key: ask.key, patienceMs, requestMs });
  return { deed, status: again.status, code: (again.body as { code?: string } | undefined)?.code };
}

function requestOf(deed: StaffDeed): { path: string; body: object } {
  const reason = 'A drill';
  if (deed.what === 'ship')
    return { path: 'shipments', body: { carrier: 'DHL', ...(deed.lines ? { lines: deed.lines } : {}) } };
  if (deed.what === 'cancel') return { path: 'cancellation', body: { reason } };
  if (deed.what === 'take-money') return { path: 'payments', body: { amount: deed.amount } };
  return { path: 'refunds', body: { amount: deed.amount, reason, restock: deed.restock } };
}

async function judgeAll(parts: Parts, works: Work[]): Promise<OrderJudgement[]> {
  const [owner] = parts.staff as [StaffMember];
  const { sessions, refunds } = parts.stripe;
  // The worker repeats an unanswered refund after half a minute, then after growing pauses.
  const until = performance.now() + 180_000;
  return inParallel(works, async (work) => {
    let order = await readOrder(owner, work.id);
    while (order.refunds.some(({ status }) => status !== 'done') && performance.now() < until) {
      await delay(500);
      order = await readOrder(owner, work.id);
    }
    const session = sessions.findLast(({ client_reference_id: id }) => id === work.id);
    const paidBack = refunds.filter(({ intent }) => intent === `pi_${session?.id}`);
    return judgeOrder(work, work.doings, { order, paidBack: paidBack.map(({ amount }) => amount) });
  });
}

async function readOrder(member: StaffMember, id: string): Promise<OrderSeen> {
  const { status, body } = await member.write('GET', `/api/staff/orders/${id}`);
  if (status !== 200) throw new Error(`Cannot read order ${id}: ${status}`);
  return body as OrderSeen;
}

async function judgeStock(
  { context, variants }: Parts,
  slug: string,
  works: Work[],
  judged: OrderJudgement[],
): Promise<{ lost: number; duplicated: number; notes: string[] }> {
  const of = (lines: { variantId: string; quantity: number }[], variantId: string) =>
    sum(lines.filter((line) => line.variantId === variantId).map(({ quantity }) => quantity));
  const found = { lost: 0, duplicated: 0, notes: [] as string[] };
  for (const variantId of variants) {
    const sold = sum(works.map(({ lines }) => of(lines, variantId)));
    const back = sum(judged.map(({ restocked }) => of(restocked, variantId)));
    const expected = stocked - sold + back;
    const left = await availableOf(context.region.storefront, slug, variantId, expected);
    found.lost += Math.max(0, expected - left);
    found.duplicated += Math.max(0, left - expected);
    found.notes.push(
      `variant ${variantId}: ${sold} sold, ${back} back, ${left - expected} too many in stock`,
    );
  }
  return found;
}

const sum = (numbers: number[]) => numbers.reduce((all, one) => all + one, 0);

/** @returns the results in the order of the items */
async function inParallel<T, R>(items: T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const waiting = items.entries();
  const next = async () => {
    for (const [at, item] of waiting) results[at] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  return results;
}
