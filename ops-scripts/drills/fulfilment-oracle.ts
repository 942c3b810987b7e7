// A model of an order after its purchase, written independently of the shop's code.
// Decides whether the answers to two members of the staff, and the order's final state, fit to some order of their
// deeds. Each deed must have happened once or not at all.

export interface LinePieces {
  variantId: string;
  quantity: number;
}

export type StaffDeed =
  | { what: 'ship'; lines?: LinePieces[] }
  | { what: 'cancel' }
  | { what: 'refund'; amount: number; restock: LinePieces[] }
  | { what: 'take-money'; amount: number };

/** A deed with its last answer; status 0 if none came. */
export interface AnsweredDeed {
  deed: StaffDeed;
  status: number;
  /** The code of a refusal. */
  code?: string | undefined;
}

/** The deeds of one member of the staff on an order, in this order. */
export interface Doings {
  who: string;
  deeds: AnsweredDeed[];
}

export interface PlacedPieces {
  lines: LinePieces[];
  total: number;
  isAtDoor: boolean;
}

interface Amount {
  amount: number;
}

/** An order as `GET /api/staff/orders/:id` shows it. */
export interface OrderSeen {
  status: string;
  fulfilment: string;
  paid: Amount;
  lines: (LinePieces & { shipped: number; cancelled: number; returned: number })[];
  shipments: { lines: LinePieces[] }[];
  refunds: { amount: Amount; status: string }[];
  events: { who: string; what: string }[];
}

export interface OrderJudgement {
  lost: number;
  duplicated: number;
  /** Sentences; empty if the order is right. */
  faults: string[];
  /** Pieces that are in stock again. */
  restocked: LinePieces[];
}

/** @param paidBack the amounts that the provider has paid back for this order */
export function judgeOrder(
  placed: PlacedPieces,
  doings: Doings[],
  { order, paidBack }: { order: OrderSeen; paidBack: number[] },
): OrderJudgement {
  const faults: string[] = [];
  const ends = mergesOf(doings.map(({ who, deeds }) => deeds.map((one) => ({ who, ...one })))).flatMap(
    (sequence) => replay(placed, sequence) ?? [],
  );
  const seen = describeSeen(order);
  const end = ends.find((one) => one.describe() === seen);
  if (ends.length === 0) faults.push(`no order of the deeds gives these answers: ${tellAnswers(doings)}`);
  else if (end === undefined)
    faults.push(`it shows ${seen}, not ${[...new Set(ends.map((one) => one.describe()))].join(' or ')}`);
  const { lost, duplicated } = countEvents(doings, order);
  faults.push(...judgeMoney(placed, order, paidBack));
  return { lost, duplicated, faults, restocked: end?.restocked ?? [] };
}

/** Every way to merge two sequences that keeps the order of each. */
function mergesOf<T>([first = [], second = []]: T[][]): T[][] {
  if (first.length === 0) return [second];
  if (second.length === 0) return [first];
  return [
    ...mergesOf([first.slice(1), second]).map((rest) => [first[0]!, ...rest]),
    ...mergesOf([first, second.slice(1)]).map((rest) => [second[0]!, ...rest]),
  ];
}

/** @returns undefined if the model answers a deed differently */
function replay(placed: PlacedPieces, sequence: (AnsweredDeed & { who: string })[]): Model | undefined {
  const model = new Model(placed);
  for (const { deed, who, status, code } of sequence) {
    const refusal = model.attempt(deed, who);
    const isDone = status === 200 || status === 201;
    if (isDone ? refusal !== undefined : refusal !== code) return undefined;
  }
  return model;
}

interface Line extends LinePieces {
  shipped: number;
  withdrawn: number;
  returned: number;
  restocked: number;
}

class Model {
  readonly #lines: Line[];
  readonly #total: number;
  readonly #isAtDoor: boolean;
  #taken = 0;
  #isCancelled = false;
  readonly #parcels: LinePieces[][] = [];
  readonly #refunds: number[] = [];
  readonly #events: string[] = [];

  constructor({ lines, total, isAtDoor }: PlacedPieces) {
    this.#lines = lines.map((line) => ({ ...line, shipped: 0, withdrawn: 0, returned: 0, restocked: 0 }));
    this.#total = total;
    this.#isAtDoor = isAtDoor;
  }

  get restocked(): LinePieces[] {
    return this.#lines.map(({ variantId, restocked }) => ({ variantId, quantity: restocked }));
  }

  get #paid(): number {
    return this.#isAtDoor ? this.#taken : this.#total;
  }

  get #owed(): number {
    return this.#paid - this.#refunds.reduce((sum, amount) => sum + amount, 0);
  }

  /** @returns the code of a refusal */
  attempt(deed: StaffDeed, who: string): string | undefined {
    if (deed.what === 'ship') return this.#ship(deed.lines, who);
    if (deed.what === 'cancel') return this.#cancel(who);
    if (deed.what === 'refund') return this.#refund(deed, who);
    return this.#takeMoney(deed.amount, who);
  }

  #ship(asked: LinePieces[] | undefined, who: string): string | undefined {
    if (this.#isCancelled) return 'order-cancelled';
    const left = this.#lines
      .map((line) => ({ variantId: line.variantId, quantity: toShip(line) }))
      .filter(({ quantity }) => quantity > 0);
    if (left.length === 0) return 'already-shipped';
    const parcel = asked ?? left;
    if (parcel.some(({ variantId, quantity }) => quantity > toShip(this.#line(variantId))))
      return 'shipment-too-large';
    for (const { variantId, quantity } of parcel) this.#line(variantId).shipped += quantity;
    this.#parcels.push(parcel);
    this.#events.push(`shipped by ${who}`);
    return undefined;
  }

  /** A repeated cancellation gets the same answer and changes nothing. */
  #cancel(who: string): string | undefined {
    if (this.#parcels.length > 0) return 'already-shipped';
    if (this.#isCancelled) return undefined;
    this.#isCancelled = true;
    for (const line of this.#lines)
      Object.assign(line, { withdrawn: line.quantity, restocked: line.quantity });
    this.#events.push(`cancelled by ${who}`);
    if (this.#owed > 0) this.#payBack(this.#owed, 'shop');
    return undefined;
  }

  #refund({ amount, restock }: StaffDeed & { what: 'refund' }, who: string): string | undefined {
    if (amount > this.#owed) return 'refund-too-large';
    if (restock.some(({ variantId, quantity }) => quantity > stillOut(this.#line(variantId))))
      return 'restock-too-large';
    for (const { variantId, quantity } of restock) {
      const line = this.#line(variantId);
      const unshipped = Math.min(quantity, toShip(line));
      line.withdrawn += unshipped;
      line.returned += quantity - unshipped;
      line.restocked += quantity;
    }
    this.#payBack(amount, who);
    if (restock.length > 0) this.#events.push(`restocked by ${who}`);
    return undefined;
  }

  #payBack(amount: number, who: string): void {
    this.#refunds.push(amount);
    this.#events.push(`refund-begun by ${who}`);
  }

  #takeMoney(amount: number, who: string): string | undefined {
    if (this.#isCancelled) return 'order-cancelled';
    const due = this.#total - this.#taken;
    if (due === 0) return 'already-paid';
    if (amount > due) return 'payment-too-large';
    this.#taken += amount;
    this.#events.push(`money-taken by ${who}`);
    return undefined;
  }

  #line(variantId: string): Line {
    return this.#lines.find((line) => line.variantId === variantId)!;
  }

  get #fulfilment(): string {
    if (this.#parcels.length === 0) return 'open';
    return this.#lines.some((line) => toShip(line) > 0) ? 'partly-shipped' : 'shipped';
  }

  get #status(): string {
    if (this.#isCancelled) return 'cancelled';
    return this.#paid === this.#total ? 'paid' : 'placed';
  }

  /** Describes the model in the format of `describeSeen`. */
  describe(): string {
    return describe({
      status: this.#status,
      fulfilment: this.#fulfilment,
      paid: this.#paid,
      lines: this.#lines.map(({ variantId, shipped, withdrawn, returned }) => [
        variantId,
        shipped,
        withdrawn,
        returned,
      ]),
      parcels: this.#parcels,
      refunds: this.#refunds,
      events: this.#events,
    });
  }
}

const toShip = ({ quantity, shipped, withdrawn }: Line) => quantity - shipped - withdrawn;
const stillOut = (line: Line) => line.quantity - line.withdrawn - line.returned;

/** Events of staff's deeds and their direct effects. The provider's answers are judged by the money. */
const judgedEvents = ['shipped', 'cancelled', 'refund-begun', 'restocked', 'money-taken'];

function describeSeen({ status, fulfilment, paid, lines, shipments, refunds, events }: OrderSeen): string {
  return describe({
    status,
    fulfilment,
    paid: paid.amount,
    lines: lines.map((line) => [line.variantId, line.shipped, line.cancelled, line.returned]),
    parcels: shipments.map((parcel) => parcel.lines),
    refunds: refunds.map(({ amount }) => amount.amount),
    events: events
      .filter(({ what }) => judgedEvents.includes(what))
      .map(({ who, what }) => `${what} by ${who}`),
  });
}

interface Described {
  status: string;
  fulfilment: string;
  paid: number;
  /** Variant; pieces shipped, withdrawn, returned. */
  lines: [string, number, number, number][];
  parcels: LinePieces[][];
  refunds: number[];
  events: string[];
}

function describe({ status, fulfilment, paid, lines, parcels, refunds, events }: Described): string {
  const sorted = (pieces: LinePieces[]) =>
    pieces
      .map(({ variantId, quantity }) => `${quantity} × ${variantId}`)
      .sort()
      .join(' + ');
  return [
    status,
    fulfilment,
    `paid ${paid}`,
    `lines ${lines.map((line) => line.join('/')).sort()}`,
    `parcels ${parcels.map(sorted).join(', ')}`,
    `refunds ${refunds.join(', ')}`,
    `events ${events.join(', ')}`,
  ].join('; ');
}

const eventOf: Record<StaffDeed['what'], string> = {
  ship: 'shipped',
  cancel: 'cancelled',
  refund: 'refund-begun',
  'take-money': 'money-taken',
};

/** Acknowledged deeds without an event are lost. Events beyond the acknowledged deeds are duplicated. */
function countEvents(doings: Doings[], { events }: OrderSeen): { lost: number; duplicated: number } {
  let [lost, duplicated] = [0, 0];
  for (const what of Object.keys(eventOf) as StaffDeed['what'][]) {
    // Cancelling a cancelled order is acknowledged but writes no event.
    const most = what === 'cancel' ? 1 : Infinity;
    const done = doings
      .flatMap(({ deeds }) => deeds)
      .filter(({ deed, status }) => deed.what === what && (status === 200 || status === 201)).length;
    const byStaff = events.filter((event) => event.what === eventOf[what] && event.who !== 'shop').length;
    lost += Math.max(0, Math.min(done, most) - byStaff);
    duplicated += Math.max(0, byStaff - Math.min(done, most));
  }
  return { lost, duplicated };
}

function judgeMoney({ total, isAtDoor }: PlacedPieces, order: OrderSeen, paidBack: number[]): string[] {
  const faults: string[] = [];
  const owed = order.refunds.map(({ amount }) => amount.amount);
  const sum = (amounts: number[]) => amounts.reduce((all, amount) => all + amount, 0);
  if (sum(owed) > order.paid.amount) faults.push(`it owes ${sum(owed)} of ${order.paid.amount}`);
  if (order.paid.amount > total) faults.push(`it took ${order.paid.amount} of ${total}`);
  const open = order.refunds.filter(({ status }) => status !== 'done').length;
  if (open > 0) faults.push(`${open} refunds were never done`);
  const ended = order.events.filter(({ what }) => what === 'refunded').length;
  if (ended !== owed.length) faults.push(`${owed.length} refunds were said to be done ${ended} times`);
  // Money that was taken at the door is paid back by hand, so no provider has a record of it.
  const inOrder = (amounts: number[]) => [...amounts].sort((a, b) => a - b).join(', ');
  if (!isAtDoor && inOrder(owed) !== inOrder(paidBack))
    faults.push(
      `it owes ${inOrder(owed) || 'nothing'}, and its provider paid ${inOrder(paidBack) || 'nothing'}`,
    );
  return faults;
}

function tellAnswers(doings: Doings[]): string {
  return doings
    .map(
      ({ who, deeds }) =>
        `${who} ${deeds.map(({ deed, status, code }) => `${deed.what} ${code ?? status}`).join(', ')}`,
    )
    .join('; ');
}
