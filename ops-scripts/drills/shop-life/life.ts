// The state of the `shop-life` drill: the shop, its people, the record of their deeds, and locks between deeds.
import type { SeededRandom } from '../../traffic/seeded-random.ts';
import type { StripeServer } from '../stripe-server.ts';
import { Browser, type Send } from './browser/browser.ts';
import type { LivingShop } from './shop/living-shop.ts';
import type { Fate, MailServer } from './shop/mail-server.ts';
import { type AnswerCounts, createSend, Outages } from './shop/send-patiently.ts';

export interface RecordedOrder {
  id: string;
  number: string;
  email: string;
  /** Its owner; undefined for a guest's order. */
  account: ShopperAccount | undefined;
  provider: string;
  outcome: string | undefined;
  /** Minor units, as shown on the page or in the cart when the button was pressed. */
  totalShown: number;
  lines: { variantId: string; quantity: number }[];
  /** The browser of a guest, who may cancel it and return pieces. */
  browser?: Browser;
}

export interface ShopperAccount {
  email: string;
  name: string;
  password: string;
  /** The first is the one on which the account was made. */
  devices: Browser[];
  fate: Fate;
  /** Each account does one thing at a time. */
  lock: Lock;
}

/** The base of a variant's stock by the drill's record: the value that was set, and the pieces sold before. */
export interface StockBase {
  set: number;
  soldBefore: number;
}

/** Values that somebody set today, by product and column of the product file. */
export type SetValues = Map<string, Map<string, string | undefined>>;

/** An import with only some columns, with the shop's own exports before and after it. */
export interface PartialImport {
  columns: string[];
  handles: string[];
  before: string;
  after: string;
}

/** A code that staff made. */
export interface MadePromotion {
  code: string;
  kind: 'percent' | 'amount' | 'free-shipping';
  /** Percent or minor units. */
  value: number;
  /** Milliseconds since 1970; undefined if it never ends. */
  endsAtMs?: number;
}

/** The prices that one product may have shown, and the prices that its pages and answers did show. */
export interface WatchedSale {
  handle: string;
  /** The deeds of staff. */
  course: string;
  /** In order. The times are those between which the price may be shown, in milliseconds since 1970. */
  prices: {
    price: number;
    fromMs: number;
    untilMs: number;
    /** The sale whose price it is. */
    sale?: string;
    /** The shop's "was" of that sale; null if it has none. */
    was?: number | null;
    /** When the sale began by the shop's answer; undefined if that was on another day. */
    begunAtMs?: number;
  }[];
  seen: WatchedPrice[];
}

export interface WatchedPrice {
  door: string;
  price: number;
  /** Null: none was shown. Undefined: this address never shows one. */
  was?: number | null;
  /** Which caches answered, by the answer's Cache-Status. */
  from: string;
  sentMs: number;
  receivedMs: number;
}

/** A product whose price only the sales deeds set. */
export interface SaleBook {
  isBusy: boolean;
  /** A sale that was left running. */
  left?: { sale: string; regular: number };
}

export interface OpenedLink {
  link: string;
  to: string;
  subject: string;
  status: number;
  /** What is wrong with the answer; undefined if it is what the mail promised. */
  fault: string | undefined;
}

export interface Suggestion {
  asked: string;
  suggested: string;
  found: number;
}

class LifeRecord {
  /** How often each deed was done, by name. */
  readonly deeds = new Map<string, number>();
  /** Deeds that did not end as the shop promises. */
  readonly brokenPromises: string[] = [];
  readonly answers: AnswerCounts = { counts: {}, askedAgain: 0, faults: [] };
  readonly orders: RecordedOrder[] = [];
  readonly accounts: ShopperAccount[] = [];
  readonly promotions: MadePromotion[] = [];
  readonly watchedSales: WatchedSale[] = [];
  readonly saleBooks = new Map<string, SaleBook>();
  /** An API key of staff, made when it is first needed. */
  apiKey: string | undefined;
  /** The positions at which the events of yesterday and of today begin. */
  eventsFrom: [string, string] = ['0', '0'];
  /** How many orders were placed before today. */
  ordersBefore = 0;
  readonly suggestions: Suggestion[] = [];
  readonly partialImports: PartialImport[] = [];
  readonly openedLinks: OpenedLink[] = [];
  /** Money that staff noted at the door, by order; minor units. */
  readonly takenAtDoor = new Map<string, number>();
  /** By variant. */
  readonly stock = new Map<string, StockBase>();
  /** Values that were set since the day began. */
  readonly setToday: SetValues = new Map();
  /** The shop's own product file as the day began; undefined on the first day. */
  fileOfYesterday: string | undefined;
  /** Handles that are archived or drafts by the drill's record. */
  readonly hidden = new Set<string>();

  count(deed: string): void {
    this.deeds.set(deed, (this.deeds.get(deed) ?? 0) + 1);
  }

  /** @param value undefined: any value is right, but it must stay */
  noteSet(handle: string, column: string, value: string | undefined): void {
    const ofProduct = this.setToday.get(handle) ?? new Map<string, string | undefined>();
    this.setToday.set(handle, ofProduct.set(column, value));
  }
}

export class ShopLife {
  readonly shop: LivingShop;
  readonly mailServer: MailServer;
  readonly stripe: StripeServer;
  readonly random: SeededRandom;
  readonly record = new LifeRecord();
  readonly outages = new Outages();
  /** Only one member of the staff changes products at a time. */
  readonly desk = new Lock();
  /** Orders share this lock. A deed that sets stock holds it alone, so that the record knows what was sold before. */
  readonly till = new Lock();
  /** Counts up, so that every guest is another person. */
  guests = 0;
  day = 1;
  pace: Pace = 'usual';
  /** Tests replace it with one that answers wrongly. */
  fetch: typeof fetch = fetch;
  readonly send: Send;

  constructor(shop: LivingShop, servers: { mail: MailServer; stripe: StripeServer }, random: SeededRandom) {
    this.shop = shop;
    this.mailServer = servers.mail;
    this.stripe = servers.stripe;
    this.random = random;
    this.send = createSend(this.record.answers, this.outages, () => this.fetch);
  }

  browser(): Browser {
    return new Browser(this.shop.url, this.send);
  }
}

/** `quiet`: a third of the deeds a day, and costly laws once a week. */
export type Pace = 'usual' | 'quiet';

type Way = 'shared' | 'alone';

/** A fair read-write lock: shared by many or held by one, in order of arrival. */
export class Lock {
  #holders = 0;
  #isAlone = false;
  readonly #waiting: { way: Way; go: () => void }[] = [];

  async shared<T>(work: () => Promise<T>): Promise<T> {
    return this.#hold('shared', work);
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#hold('alone', work);
  }

  async #hold<T>(way: Way, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((go) => {
      this.#waiting.push({ way, go });
      this.#admit();
    });
    try {
      return await work();
    } finally {
      this.#holders -= 1;
      this.#isAlone = false;
      this.#admit();
    }
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#isAlone || (next.way === 'alone' && this.#holders > 0)) return;
      this.#waiting.shift();
      this.#holders += 1;
      this.#isAlone = next.way === 'alone';
      next.go();
    }
  }
}
