// Webhook endpoints: which events each receives, the state of its deliveries, and replays.
import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Settings } from '../config.ts';
import type { Deps } from '../deps.ts';
import { notFound, Refusal } from '../errors.ts';
import type { Db, DbOrTx, Tx } from '../schema.ts';
import { audit } from '../staff/change-catalog.ts';
import { growingEnum, idPattern, z } from '../web/api/api.ts';
import { writeOnce } from '../web/api/idempotency.ts';
import type { OwnerWrite } from './api-keys.ts';
import { faultOfUrl } from './send-webhook.ts';
import { numberShopEvents, shopEventTypes } from './shop-events.ts';

const exampleWebhook = {
  id: '2',
  url: 'https://erp.example/hooks/myclothes',
  types: ['order.paid', 'order.cancelled'],
  state: 'active',
  createdAt: '2026-11-30T10:30:00.000Z',
  waiting: 0,
};

const webhookShape = {
  id: z.string(),
  url: z.string(),
  types: z.array(z.string()).openapi({ description: 'Empty: all' }),
  state: growingEnum(['active', 'paused']),
  pausedBecause: z.string().optional(),
  failingSince: z.iso.datetime().optional().openapi({ description: 'Every attempt since has failed' }),
  lastError: z.string().optional(),
  createdAt: z.iso.datetime(),
  formerSecretUntil: z.iso
    .datetime()
    .optional()
    .openapi({ description: 'Until then messages are signed with the former secret as well' }),
  waiting: z.int().openapi({ description: 'Events that are still to be delivered' }),
};

export const WebhookSchema = z.object(webhookShape).openapi('Webhook', { example: exampleWebhook });

export const NewWebhookSchema = z
  .object({
    ...webhookShape,
    secret: z.string().openapi({ description: 'Signs each message (Standard Webhooks); shown this once' }),
  })
  .openapi('NewWebhook', { example: { ...exampleWebhook, secret: `whsec_${'x'.repeat(43)}=` } });

const Types = z
  .array(z.enum(shopEventTypes))
  .max(50)
  .transform((types) => [...new Set(types)]);
const Address = z.string().trim().min(1).max(2_000);

export const WebhookToWriteSchema = z
  .strictObject({ url: Address, types: Types.default([]).openapi({ description: 'Empty or absent: all' }) })
  .openapi('WebhookToWrite', { example: { url: exampleWebhook.url, types: ['order.paid'] } });

export const WebhookPatchSchema = z
  .strictObject({
    url: Address.optional(),
    types: Types.optional(),
    state: z.enum(['active', 'paused']).optional(),
  })
  .openapi('WebhookPatch', { example: { state: 'paused' } });

export type Webhook = z.infer<typeof WebhookSchema>;
export type NewWebhook = z.infer<typeof NewWebhookSchema>;
type WebhookPatch = z.infer<typeof WebhookPatchSchema>;

/** A worker delivers to this many endpoints at once, so that none waits for another. */
export const mostWebhooks = 20;

/** A shop on localhost may have other systems on the same machine. */
export function mayBePrivate({ siteUrl }: Pick<Settings, 'siteUrl'>): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])$/.test(new URL(siteUrl).hostname);
}

export async function listWebhooks(db: DbOrTx): Promise<Webhook[]> {
  const rows = await queryWebhooks(db).orderBy('id').limit(mostWebhooks).execute();
  return rows.map(toWebhook);
}

/** @throws Refusal 404 */
export async function readWebhook(db: DbOrTx, id: string): Promise<Webhook> {
  const row = idPattern.test(id)
    ? await queryWebhooks(db).where('id', '=', id).executeTakeFirst()
    : undefined;
  if (row === undefined) throw notFound('This webhook');
  return toWebhook(row);
}

function queryWebhooks(db: DbOrTx) {
  return db
    .selectFrom('webhook_endpoints as e')
    .select(['id', 'url', 'types', 'state', 'paused_because', 'failing_since', 'created_at'])
    .select(
      sql<Date | null>`case when former_secret_until > now() then former_secret_until end`.as('former_until'),
    )
    .select([
      sql<number>`(select count(*)::integer from webhook_deliveries d
        where d.endpoint_id = e.id and d.state = 'pending')`.as('waiting'),
      sql<string | null>`(select d.error from webhook_deliveries d
        where d.endpoint_id = e.id and d.state <> 'delivered' and d.error is not null
        order by d.position desc limit 1)`.as('last_error'),
    ]);
}

type WebhookRow = Awaited<ReturnType<ReturnType<typeof queryWebhooks>['execute']>>[number];

function toWebhook({ id, url, types, state, waiting, ...row }: WebhookRow): Webhook {
  return {
    id,
    url,
    types,
    state,
    ...(row.paused_because === null ? {} : { pausedBecause: row.paused_because }),
    ...(row.failing_since === null ? {} : { failingSince: row.failing_since.toISOString() }),
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
    createdAt: row.created_at.toISOString(),
    ...(row.former_until === null ? {} : { formerSecretUntil: row.former_until.toISOString() }),
    waiting,
  };
}

/**
 * Creates a webhook for events from now on.
 * @throws Refusal 422 `invalid-body` for an unusable address, or where there are too many webhooks
 */
export async function createWebhook(
  deps: Deps,
  { owner, idempotencyKey, path }: OwnerWrite,
  { url, types }: z.infer<typeof WebhookToWriteSchema>,
): Promise<NewWebhook> {
  checkAddress(deps.settings, url);
  // Numbers the earlier events first, so that the new webhook gets no deliveries of them.
  await numberShopEvents(deps.db);
  const write = { scope: owner.scope, key: idempotencyKey, method: 'POST', path, body: { url, types } };
  const id = await writeOnce(deps.db, write, async (tx) => {
    const { count } = await tx
      .selectFrom('webhook_endpoints')
      .select(({ fn }) => fn.countAll<string>().as('count'))
      .executeTakeFirstOrThrow();
    if (Number(count) >= mostWebhooks)
      throw new Refusal(422, 'invalid-body', `There are ${mostWebhooks} webhooks already; delete one first`);
    const row = await tx
      .insertInto('webhook_endpoints')
      .values({ url, types, secret: makeSecret() })
      .returning('id')
      .executeTakeFirstOrThrow();
    await audit(tx, owner.id, [{ subject: `webhook:${row.id}`, before: null, after: { url, types } }]);
    return row.id;
  });
  return withSecret(deps.db, id);
}

async function withSecret(db: Db, id: string): Promise<NewWebhook> {
  const webhook = await readWebhook(db, id);
  const { secret } = await db
    .selectFrom('webhook_endpoints')
    .select('secret')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return { ...webhook, secret };
}

const usualOverlapHours = 24;

export const RotationSchema = z
  .strictObject({
    overlapHours: z
      .int()
      .min(0)
      .max(168)
      .default(usualOverlapHours)
      .openapi({ description: 'How long the former secret signs as well; 0: it is known to others' }),
  })
  .openapi('WebhookRotation', { example: { overlapHours: usualOverlapHours } });

/**
 * Replaces the secret. Both secrets sign for a time, so that the receiver can switch without losing a message.
 * @throws Refusal 404
 */
export async function rotateSecret(
  deps: Deps,
  { owner, idempotencyKey, path }: OwnerWrite,
  id: string,
  { overlapHours = usualOverlapHours }: Partial<z.infer<typeof RotationSchema>>,
): Promise<NewWebhook> {
  const write = { scope: owner.scope, key: idempotencyKey, method: 'POST', path, body: { overlapHours } };
  await writeOnce(deps.db, write, async (tx) => {
    await readWebhook(tx, id);
    await sql`
      update webhook_endpoints set secret = ${makeSecret()}, former_secret = secret,
        former_secret_until = now() + make_interval(hours => ${overlapHours})
      where id = ${id}`.execute(tx);
    const after = { secret: 'new', overlapHours };
    await audit(tx, owner.id, [{ subject: `webhook:${id}`, before: null, after }]);
  });
  return withSecret(deps.db, id);
}

function makeSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/**
 * Changes a webhook. A paused one that becomes active gets what it missed. @throws Refusal 404, 422 as
 * `createWebhook`
 */
export async function changeWebhook(
  deps: Deps,
  { owner, idempotencyKey, path }: OwnerWrite,
  id: string,
  patch: WebhookPatch,
): Promise<Webhook> {
  if (patch.url !== undefined) checkAddress(deps.settings, patch.url);
  const write = { scope: owner.scope, key: idempotencyKey, method: 'PATCH', path, body: patch };
  await writeOnce(deps.db, write, async (tx) => {
    const before = await readWebhook(tx, id);
    const { url = before.url, types = before.types, state = before.state as 'active' | 'paused' } = patch;
    const isNews = url !== before.url || state !== before.state;
    await tx
      .updateTable('webhook_endpoints')
      .set({
        url,
        types,
        state,
        ...(isNews ? { failing_since: null, retry_at: null } : {}),
        paused_because:
          state === 'active'
            ? null
            : state === before.state
              ? (before.pausedBecause ?? null)
              : 'By the staff',
      })
      .where('id', '=', id)
      .execute();
    if (isNews && state === 'active') await makeDue(tx, id);
    await audit(tx, owner.id, [{ subject: `webhook:${id}`, before, after: { url, types, state } }]);
  });
  return readWebhook(deps.db, id);
}

/** @throws Refusal 404 */
export async function deleteWebhook(
  deps: Deps,
  { owner, idempotencyKey, path }: OwnerWrite,
  id: string,
): Promise<void> {
  const write = { scope: owner.scope, key: idempotencyKey, method: 'DELETE', path, body: null };
  await writeOnce(deps.db, write, async (tx) => {
    const before = await readWebhook(tx, id);
    await tx.deleteFrom('webhook_endpoints').where('id', '=', id).execute();
    await audit(tx, owner.id, [{ subject: `webhook:${id}`, before, after: null }]);
  });
}

const exampleDelivery = {
  eventId: '1042',
  type: 'order.paid',
  subject: 'order:42',
  state: 'failed',
  attempts: 11,
  lastTriedAt: '2026-11-30T10:30:00.000Z',
  status: 503,
  error: 'It answered 503',
};

export const DeliverySchema = z
  .object({
    eventId: z.string(),
    type: z.string(),
    subject: z.string(),
    state: growingEnum(['pending', 'delivered', 'failed']),
    attempts: z.int(),
    lastTriedAt: z.iso.datetime().optional(),
    nextTryAt: z.iso.datetime().optional(),
    status: z.int().optional().openapi({ description: 'What was answered last' }),
    error: z.string().optional(),
  })
  .openapi('WebhookDelivery', { example: exampleDelivery });

export type WebhookDelivery = z.infer<typeof DeliverySchema>;

/** Lists the newest deliveries first. @throws Refusal 404 */
export async function listDeliveries(
  db: Db,
  id: string,
  { state, limit }: { state?: 'pending' | 'delivered' | 'failed' | undefined; limit: number },
): Promise<WebhookDelivery[]> {
  await readWebhook(db, id);
  let query = db
    .selectFrom('webhook_deliveries as d')
    .innerJoin('shop_events as e', 'e.position', 'd.position')
    .select(['d.position', 'e.type', 'e.subject', 'd.state', 'd.attempts', 'd.tried_at', 'd.due_at'])
    .select(['d.status', 'd.error'])
    .where('d.endpoint_id', '=', id)
    .orderBy('d.position', 'desc')
    .limit(limit);
  if (state !== undefined) query = query.where('d.state', '=', state);
  const rows = await query.execute();
  return rows.map((row) => ({
    eventId: row.position,
    type: row.type,
    subject: row.subject,
    state: row.state,
    attempts: row.attempts,
    ...(row.tried_at === null ? {} : { lastTriedAt: row.tried_at.toISOString() }),
    ...(row.state === 'pending' ? { nextTryAt: row.due_at.toISOString() } : {}),
    ...(row.status === null ? {} : { status: row.status }),
    ...(row.error === null ? {} : { error: row.error }),
  }));
}

export const ReplaySchema = z
  .strictObject({
    eventId: z
      .string()
      .regex(/^\d{1,18}$/, { error: 'must be the id of an event' })
      .optional()
      .openapi({ description: 'One event, of any type; absent: all that failed' }),
  })
  .openapi('WebhookReplay', { example: { eventId: '1042' } });

/**
 * @returns how many deliveries are sent again
 * @throws Refusal 404, also for an event that is no longer kept
 */
export async function replayWebhook(
  deps: Deps,
  { owner, idempotencyKey, path }: OwnerWrite,
  id: string,
  eventId: string | undefined,
): Promise<number> {
  const write = { scope: owner.scope, key: idempotencyKey, method: 'POST', path, body: { eventId } };
  return writeOnce(deps.db, write, async (tx) => {
    await readWebhook(tx, id);
    const fresh = sql`state = 'pending', attempts = 0, due_at = clock_timestamp(), first_tried_at = null`;
    if (eventId === undefined) {
      const { numAffectedRows } = await sql`
        update webhook_deliveries set ${fresh} where endpoint_id = ${id} and state = 'failed'`.execute(tx);
      return Number(numAffectedRows ?? 0);
    }
    const { rows } = await sql`
      insert into webhook_deliveries as d (endpoint_id, position)
      select ${id}::bigint, position from shop_events where position = ${eventId}
      on conflict (endpoint_id, position) do update set ${fresh}
      returning position`.execute(tx);
    if (rows.length === 0) throw notFound('This event');
    return 1;
  });
}

async function makeDue(tx: Tx, id: string): Promise<void> {
  await sql`
    update webhook_deliveries set due_at = clock_timestamp(), attempts = 0, first_tried_at = null
    where endpoint_id = ${id} and state = 'pending'`.execute(tx);
}

function checkAddress(settings: Settings, url: string): void {
  const fault = faultOfUrl(url, mayBePrivate(settings));
  if (fault === undefined) return;
  throw new Refusal(422, 'invalid-body', `url: ${fault}`, {
    details: { faults: [{ pointer: '#/url', field: 'url', message: fault }] },
  });
}

/**
 * Measures webhooks for metrics. One that the shop paused still counts as failing, unless staff paused or changed it.
 */
export async function measureWebhooks(
  db: Db,
): Promise<{ id: string; waiting: number; failingSeconds: number }[]> {
  const { rows } = await sql<{ id: string; waiting: number; failingSeconds: number }>`
    select id::text, coalesce(extract(epoch from now() - failing_since)::float, 0) as "failingSeconds",
      (select count(*)::integer from webhook_deliveries d
        where d.endpoint_id = e.id and d.state = 'pending') as waiting
    from webhook_endpoints e order by e.id`.execute(db);
  return rows;
}
