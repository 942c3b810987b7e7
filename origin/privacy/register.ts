// Lists the personal columns of each table, what erasure does to them and how long rows are kept.
// This is the register of personal data; it also states how a person's rows are found. Erasure, export and
// docs/privacy.md follow from it.
import type { KeepSetting } from '../config.ts';

export type Kind =
  | 'e-mail'
  | 'name'
  | 'address'
  | 'text'
  | 'device'
  | 'network'
  | 'choice'
  | 'time'
  | 'link'
  /** Never leaves the shop: hashes of tokens, seeds of factors, keys of a provider. */
  | 'secret'
  /** A document, such as a PDF. */
  | 'file'
  /** A staff member's or operator's data in rows of another person, not exported to that person. */
  | 'staff';

/** Finds the rows of a person. Each condition alone suffices. */
export type Find =
  | { account: string }
  | { order: string }
  /** Only an e-mail that its owner has confirmed. */
  | { email: string }
  /** By the scope of idempotency keys. */
  | { scope: string }
  /** By the subject of an event. */
  | { orderSubject: string }
  /** By the subject of a job. */
  | { subject: string }
  /** Mails in the outbox. */
  | { mails: string }
  | { in: string; by: string };

export type How =
  | 'null'
  | 'empty'
  /** Empties what the person wrote, and replaces the person's words in what others wrote. */
  | 'empty if theirs'
  | 'random'
  /** Removes the parcel number from an event. */
  | 'without parcels'
  /** Replaces the person's names, addresses and e-mail addresses in the text. */
  | 'redact'
  /** Keeps the value while a payment is open, because it is needed to ask the provider about it. */
  | 'null once decided';

export interface PersonalTable {
  /** Title of the table on the page and in the document. */
  title: string;
  purpose: string;
  /** Retention, unless the person is erased before. */
  kept: string | KeepSetting;
  find: Find[];
  personal: Record<string, Kind>;
  /** Columns without personal data, separated by spaces. */
  other: string;
  erase: 'rows' | Record<string, How>;
  /** The reason why erasure keeps some personal columns. */
  remains?: string;
}

const withOrder = 'as long as its order';
const withAccount = 'until the account is deleted';
const ofNobody = 'What is left belongs to nobody: the order has neither name nor account any more.';
const taxLaw = 'Tax law: an invoice stays whole for as long as books are kept.';

/** In the order of erasure: rows are erased before the rows that lead to them. */
export const register: Record<string, PersonalTable> = {
  cart_operations: {
    title: 'Changes of the bag',
    purpose: 'so that a change that is sent twice counts once',
    kept: '7 days',
    find: [{ in: 'carts', by: 'cart_id' }],
    personal: { cart_id: 'link' },
    other: 'op_id fingerprint applied_version created_at',
    erase: 'rows',
  },
  carts: {
    title: 'Bag',
    purpose: 'to keep what you chose',
    kept: 'KEEP_CARTS_DAYS',
    find: [{ account: 'account_id' }, { in: 'carts', by: 'merged_into' }],
    personal: {
      account_id: 'link',
      lines: 'choice',
      direct_sets: 'choice',
      created_at: 'time',
      updated_at: 'time',
    },
    other: 'id version generation merged_into',
    erase: 'rows',
  },
  withdrawals: {
    title: 'Withdrawals',
    purpose: 'to answer your withdrawal, and to show that it came in time',
    kept: 'KEEP_WITHDRAWALS_DAYS',
    find: [{ order: 'order_id' }, { email: 'email' }],
    personal: {
      order_number: 'text',
      name: 'name',
      email: 'e-mail',
      pieces: 'text',
      declared_at: 'time',
      fingerprint: 'secret',
    },
    other: 'id order_id',
    erase: { order_number: 'redact', name: 'empty', email: 'empty', pieces: 'empty', fingerprint: 'random' },
    remains: ofNobody,
  },
  return_lines: {
    title: 'Pieces sent back',
    purpose: 'to take pieces back',
    kept: withOrder,
    find: [{ in: 'returns', by: 'return_id' }],
    personal: { variant_id: 'choice', quantity: 'choice', received: 'choice' },
    other: 'return_id',
    erase: {},
    remains: ofNobody,
  },
  returns: {
    title: 'Returns',
    purpose: 'to take pieces back',
    kept: withOrder,
    find: [{ order: 'order_id' }],
    personal: { number: 'link', reason: 'text', refusal: 'text', requested_at: 'time', closed_at: 'time' },
    other: 'id order_id status refund_id',
    erase: { reason: 'empty', refusal: 'redact' },
    remains: ofNobody,
  },
  shipment_lines: {
    title: 'Pieces in parcels',
    purpose: 'to deliver',
    kept: withOrder,
    find: [{ in: 'shipments', by: 'shipment_id' }],
    personal: { variant_id: 'choice', quantity: 'choice' },
    other: 'shipment_id',
    erase: {},
    remains: ofNobody,
  },
  // Carriers show a parcel's address to anybody who knows its number.
  shipments: {
    title: 'Parcels',
    purpose: 'to deliver',
    kept: withOrder,
    find: [{ order: 'order_id' }],
    personal: { tracking_number: 'link', tracking_url: 'link', shipped_at: 'time', delivered_at: 'time' },
    other: 'id order_id carrier',
    erase: { tracking_number: 'null', tracking_url: 'null' },
    remains: ofNobody,
  },
  order_events: {
    title: 'History of orders',
    purpose: 'to know what happened to an order',
    kept: withOrder,
    find: [{ order: 'order_id' }],
    personal: { at: 'time', who: 'link', what: 'text', detail: 'text', account_id: 'staff' },
    other: 'id order_id api_key_id',
    erase: { detail: 'empty if theirs' },
    remains: ofNobody,
  },
  new_shop_events: {
    title: 'Events not yet numbered',
    purpose: 'to tell other systems of the shop',
    kept: 'a second',
    find: [{ orderSubject: 'subject' }],
    personal: { subject: 'link', data: 'text', at: 'time' },
    other: 'id type within',
    erase: { data: 'without parcels' },
    remains: ofNobody,
  },
  shop_events: {
    title: 'Events for other systems',
    purpose: 'to tell other systems of the shop, without who ordered',
    kept: '30 days',
    find: [{ orderSubject: 'subject' }],
    personal: { subject: 'link', data: 'text', at: 'time' },
    other: 'position type',
    erase: { data: 'without parcels' },
    remains: ofNobody,
  },
  door_payments: {
    title: 'Money taken at the door',
    purpose: 'to keep books',
    kept: withOrder,
    find: [{ order: 'order_id' }],
    personal: { amount: 'choice', reference: 'text', taken_at: 'time', account_id: 'staff' },
    other: 'id order_id',
    erase: { reference: 'redact' },
    remains: ofNobody,
  },
  refunds: {
    title: 'Refunds',
    purpose: 'to pay back',
    kept: withOrder,
    find: [{ order: 'order_id' }],
    personal: {
      amount: 'choice',
      reason: 'text',
      detail: 'text',
      reference: 'link',
      at: 'time',
      done_at: 'time',
      provider_key: 'secret',
    },
    other: 'id order_id status attempted_at',
    erase: { reason: 'empty', detail: 'redact' },
    remains: `${ofNobody} The provider's own number stays for the books.`,
  },
  disputes: {
    title: 'Disputes',
    purpose: 'to answer your bank',
    kept: withOrder,
    find: [{ order: 'order_id' }],
    personal: { amount: 'choice', reason: 'text', opened_at: 'time', due_by: 'time', told_at: 'time' },
    other: 'id order_id state',
    erase: {},
    remains: ofNobody,
  },
  payments: {
    title: 'Payments',
    purpose: 'to be paid',
    kept: withOrder,
    find: [{ order: 'order_id' }],
    personal: {
      provider: 'choice',
      reference: 'link',
      redirect_url: 'link',
      request: 'text',
      detail: 'text',
      attempted_at: 'time',
      updated_at: 'time',
      provider_key: 'secret',
      authorised_until: 'time',
      capture_begun_at: 'time',
    },
    other: 'order_id wanted_outcome status flag expires_at taken_amount capture_amount left_out_amount',
    erase: { redirect_url: 'null once decided', request: 'null once decided', detail: 'redact' },
    remains: `${ofNobody} The provider's own number stays for the books; a payment under way keeps its request until it is decided.`,
  },
  promotion_uses: {
    title: 'Codes used',
    purpose: 'to count how often a customer used a code',
    kept: withOrder,
    find: [{ order: 'order_id' }],
    personal: { customer: 'e-mail', account_id: 'link' },
    other: 'order_id promotion_id',
    erase: { customer: 'null', account_id: 'null' },
  },
  credit_notes: {
    title: 'Credit notes',
    purpose: 'to keep books',
    kept: 'KEEP_INVOICES_YEARS',
    find: [{ order: 'order_id' }],
    personal: { number: 'link', content: 'address', issued_at: 'time', document: 'file' },
    other: 'order_id refund_id taxed_at',
    erase: {},
    remains: taxLaw,
  },
  invoices: {
    title: 'Invoices',
    purpose: 'to keep books',
    kept: 'KEEP_INVOICES_YEARS',
    find: [{ order: 'order_id' }],
    personal: { number: 'link', content: 'address', issued_at: 'time', document: 'file' },
    other: 'order_id taxed_at',
    erase: {},
    remains: taxLaw,
  },
  order_lines: {
    title: 'Pieces ordered',
    purpose: 'to deliver what you ordered',
    kept: withOrder,
    find: [{ order: 'order_id' }],
    personal: {
      variant_id: 'choice',
      product_slug: 'choice',
      sku: 'choice',
      name: 'choice',
      size: 'choice',
      color: 'choice',
      quantity: 'choice',
      unit_price_amount: 'choice',
    },
    other: 'order_id position shipped withdrawn returned restocked discount_amount tax_rate',
    erase: {},
    remains: ofNobody,
  },
  orders: {
    title: 'Orders',
    purpose: 'to fulfil the contract',
    kept: 'KEEP_GUEST_ORDERS_DAYS',
    find: [{ order: 'id' }],
    personal: {
      number: 'link',
      account_id: 'link',
      email: 'e-mail',
      shipping_address: 'address',
      billing_address: 'address',
      total_amount: 'choice',
      shipping: 'choice',
      discount_code: 'choice',
      placed_at: 'time',
    },
    other: 'id status discount_amount tax_country tax fulfilment holds_stock',
    erase: { account_id: 'null', email: 'null', shipping_address: 'null', billing_address: 'null' },
    remains: ofNobody,
  },
  job_attempts: {
    title: 'Attempts at mails',
    purpose: 'to find out why a mail did not arrive',
    kept: '8 days',
    find: [{ in: 'outbox', by: 'job_id' }],
    personal: { error: 'text', steps: 'text', started_at: 'time' },
    other: 'job_id attempt worker claimed_at ended_at outcome',
    erase: 'rows',
  },
  // The subjects contain addresses as digests only.
  job_subjects: {
    title: 'What work was about',
    purpose: 'to find the work of an account or a mailbox',
    kept: '8 days',
    find: [{ subject: 'subject' }],
    personal: { subject: 'link', written_at: 'time' },
    other: 'job_id',
    erase: 'rows',
  },
  // In other jobs only the error may name a person. It is redacted.
  outbox: {
    title: 'Mails to you',
    purpose: 'to send them',
    kept: '7 days after they were sent; KEEP_MAILS_DAYS where they could not be',
    find: [{ mails: 'id' }],
    personal: { payload: 'text', failure: 'text', state: 'choice', committed_at: 'time', done_at: 'time' },
    other:
      'id kind attempt failures traceparent due_at claimed_until claimed_at first_failed_at fingerprint failed_at error_since requested_at cause',
    erase: 'rows',
  },
  idempotency_keys: {
    title: 'Requests already answered',
    purpose: 'so that a request that is sent twice is done once',
    kept: '7 days',
    find: [{ scope: 'scope' }],
    personal: { scope: 'link', created_at: 'time', result: 'secret', fingerprint: 'secret', key: 'secret' },
    other: '',
    erase: 'rows',
  },
  email_confirmations: {
    title: 'Changes of your e-mail',
    purpose: 'to know that an e-mail is yours, and to let you take a change back',
    kept: '10 days; of staff, until the account is deleted',
    find: [{ account: 'account_id' }],
    personal: {
      token_hash: 'secret',
      undo_hash: 'secret',
      email: 'e-mail',
      former_email: 'e-mail',
      created_at: 'time',
      used_at: 'time',
      undone_at: 'time',
    },
    other: 'account_id',
    erase: 'rows',
  },
  password_resets: {
    title: 'Links for a new password',
    purpose: 'to let you in again',
    kept: '1 day',
    find: [{ account: 'account_id' }],
    personal: { token_hash: 'secret', created_at: 'time', used_at: 'time' },
    other: 'account_id',
    erase: 'rows',
  },
  recovery_codes: {
    title: 'Recovery codes',
    purpose: 'to let you in without your second factor',
    kept: withAccount,
    find: [{ account: 'account_id' }],
    personal: { code_hash: 'secret', used_at: 'time' },
    other: 'account_id',
    erase: 'rows',
  },
  addresses: {
    title: 'Address book',
    purpose: 'to fill in checkout for you',
    kept: withAccount,
    find: [{ account: 'account_id' }],
    personal: { address: 'address', created_at: 'time' },
    other: 'id account_id is_default',
    erase: 'rows',
  },
  totp_secrets: {
    title: 'Second factor',
    purpose: 'to let in nobody but you',
    kept: withAccount,
    find: [{ account: 'account_id' }],
    personal: { secret: 'secret', confirmed_at: 'time' },
    other: 'account_id last_step',
    erase: 'rows',
  },
  passkeys: {
    title: 'Passkeys',
    purpose: 'to let in nobody but you',
    kept: withAccount,
    find: [{ account: 'account_id' }],
    personal: {
      credential_id: 'link',
      public_key: 'secret',
      transports: 'device',
      name: 'text',
      created_at: 'time',
      last_used_at: 'time',
    },
    other: 'account_id counter',
    erase: 'rows',
  },
  sessions: {
    title: 'Devices signed in',
    purpose: 'to keep you signed in, and to show you where you are',
    kept: '30 days without use, 180 days at most',
    find: [{ account: 'account_id' }],
    personal: {
      token_hash: 'secret',
      device: 'device',
      address: 'network',
      previous_sign_in: 'network',
      created_at: 'time',
      last_seen_at: 'time',
      verified_at: 'time',
    },
    other: 'id account_id',
    erase: 'rows',
  },
  api_keys: {
    title: 'Keys for programs',
    purpose: 'to know who made a key',
    kept: 'as long as the shop, without you once your account is gone',
    find: [{ account: 'account_id' }],
    personal: { name: 'text', account_id: 'link', created_at: 'time', hash: 'secret' },
    other: 'id scopes last_used_at revoked_at',
    erase: { account_id: 'null' },
    remains: 'What a key did keeps the name of the key.',
  },
  staff_changes: {
    title: 'What you changed as a member of the staff',
    purpose: 'to know who changed what',
    kept: 'as long as the shop',
    find: [{ account: 'account_id' }],
    personal: {
      account_id: 'link',
      who: 'e-mail',
      subject: 'text',
      before: 'text',
      after: 'text',
      changed_at: 'time',
    },
    other: 'id invalidation_id api_key_id',
    erase: {},
    remains: 'An audit that its subject could empty would be none. Of shoppers it names nothing.',
  },
  accounts: {
    title: 'Account',
    purpose: 'to let you sign in',
    kept: withAccount,
    find: [{ account: 'id' }],
    personal: {
      email: 'e-mail',
      name: 'name',
      password_hash: 'secret',
      role: 'choice',
      staff_role: 'choice',
      email_confirmed_at: 'time',
      last_sign_in: 'network',
      created_at: 'time',
    },
    other: 'id version',
    erase: 'rows',
  },
  operator_log: {
    title: 'What operators did',
    purpose: 'to know who did what to jobs',
    kept: 'the newest 10,000',
    find: [],
    personal: { who: 'staff', target: 'text', at: 'time' },
    other: 'id action jobs',
    erase: { target: 'redact' },
  },
  operator_sessions: {
    title: 'Operators signed in',
    purpose: 'to let operators in',
    kept: 'KEEP_OPERATOR_SESSIONS_DAYS',
    find: [],
    personal: {
      token_hash: 'secret',
      name: 'staff',
      device: 'device',
      address: 'network',
      created_at: 'time',
      last_seen_at: 'time',
      verified_at: 'time',
      ended_at: 'time',
    },
    other: '',
    erase: {},
  },
  operators: {
    title: 'Operators with a second factor',
    purpose: 'to let in nobody but them',
    kept: 'until the factor is taken away',
    find: [],
    personal: {
      id: 'staff',
      name: 'staff',
      totp_secret: 'secret',
      totp_confirmed_at: 'time',
      created_at: 'time',
    },
    other: 'totp_last_step',
    erase: {},
  },
  operator_recovery_codes: {
    title: 'Recovery codes of operators',
    purpose: 'to let them in without their second factor',
    kept: 'until the factor is taken away',
    find: [],
    personal: { operator_id: 'staff', code_hash: 'secret', used_at: 'time' },
    other: '',
    erase: {},
  },
  operator_passkeys: {
    title: 'Passkeys of operators',
    purpose: 'to let in nobody but them',
    kept: 'until they are taken away',
    find: [],
    personal: {
      credential_id: 'link',
      operator_id: 'staff',
      public_key: 'secret',
      transports: 'device',
      name: 'staff',
      created_at: 'time',
      last_used_at: 'time',
    },
    other: 'counter',
    erase: {},
  },
  paused_kinds: {
    title: 'Work that operators paused',
    purpose: 'to know who paused it',
    kept: 'until it goes on',
    find: [],
    personal: { paused_by: 'staff', paused_at: 'time' },
    other: 'kind',
    erase: {},
  },
  timed_task_requests: {
    title: 'Tasks that operators asked for',
    purpose: 'to know who asked',
    kept: 'until the task runs',
    find: [],
    personal: { asked_by: 'staff', asked_at: 'time' },
    other: 'task',
    erase: {},
  },
};

/** Tables of the catalog and of technical state, none of whose columns is personal. */
export const impersonalTables = `
  alert_posts catalog_set_marks catalog_sets categories credit_note_counter database_lineage edge_debts edge_floor_head
  edge_floors edge_leases edge_purger
  invoice_counter job_figures kept_assets kysely_migration kysely_migration_lock product_file_columns
  product_images product_sales products promotions search_words shipping_methods shipping_version shop_event_counter
  timed_task_runs used_challenges variant_prices variants webhook_deliveries webhook_endpoints worker_reports`
  .trim()
  .split(/\s+/);

/** Personal data outside of Postgres, for the document. */
export const outsideOfPostgres: { title: string; where: string; erased: string; kept: string }[] = [
  {
    title: 'Copies of sessions, with e-mail and name',
    where: 'Redis, `signed-in…`',
    erased: 'at once, and once more by the worker',
    kept: '24 hours at most',
  },
  {
    title: 'Copies and journals of bags, under a random number',
    where: 'Redis, `{carts-…}`',
    erased: 'at once, and once more by the worker',
    kept: '24 hours; a journal until Postgres has it',
  },
  {
    title: 'Counts of attempts, under digests of e-mails and networks',
    where: 'Redis, `limit:…`',
    erased: 'they end by themselves',
    kept: '1 hour at most',
  },
  {
    title: 'Jobs in queues: of mails the number alone, no address',
    where: 'Redis, `{jobs}…`',
    erased: 'nothing to erase',
    kept: '7 days at most',
  },
  {
    title: 'Mails as files, where no `SMTP_URL` is set',
    where: '`DATA_DIR/mail`',
    erased: 'by the worker, within seconds',
    kept: '`KEEP_MAILS_DAYS`',
  },
  {
    title: 'Cookies: session, bag, orders, known device',
    where: 'the browser',
    erased: 'with the answer that deletes the account or signs out; the device cookie forgets the account',
    kept: '400 days at most',
  },
  {
    title: 'Lines of the log: ids of accounts and networks, neither names nor e-mails',
    where: 'standard output',
    erased: 'not: an id leads nowhere once the person is gone',
    kept: 'as long as the operators keep logs',
  },
  {
    title: 'Backups, sealed',
    where: 'where `ops backup` put them',
    erased:
      'with the backup; after a restore, `ops privacy replay` erases again whom the log tells as erased since',
    kept: 'as long as the operators keep backups',
  },
];
