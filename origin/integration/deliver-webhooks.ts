// Delivers events to webhook endpoints, and retries failed deliveries for three days.
// Each endpoint has its own job, so that a slow one delays no other. An endpoint that fails for three days is paused.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Deps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { addToOutbox } from '../outbox/events.ts';
import type { Db, Tx } from '../schema.ts';
import { sendWebhook, type WebhookAnswer, type WebhookTarget } from './send-webhook.ts';
import { type EventRow, eventColumns, toShopEvent } from './shop-events.ts';
import { mayBePrivate, readWebhook } from './webhooks.ts';

/** Gives each endpoint with due deliveries a job, unless it has one. The worker calls it each second. */
export async function beginDeliveries(tx: Tx): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    select e.id from webhook_endpoints e
    where e.state = 'active' and (e.retry_at is null or e.retry_at <= now())
      and exists (select from webhook_deliveries d
        where d.endpoint_id = e.id and d.state = 'pending' and d.due_at <= now())
      and not exists (select from outbox o where o.id = e.job_id and o.state = 'pending')
    order by e.id for no key update of e skip locked`.execute(tx);
  for (const { id } of rows) {
    const job = await addToOutbox(tx, 'deliver-webhooks', { endpointId: id });
    await tx.updateTable('webhook_endpoints').set({ job_id: job.id }).where('id', '=', id).execute();
  }
}

/** Longest time of one job. The next job continues, and other work gets its turn. */
const longestMs = 20_000;
const sentAtOnce = 4;
/** Rounds without any success after which the endpoint counts as unreachable. */
const mostFailedRounds = 2;

/** Ends when nothing is due, the endpoint seems unreachable, or the job's time is over. */
export async function deliverWebhooks(
  { db, settings }: Pick<Deps, 'db' | 'settings'>,
  endpointId: string,
  signal: AbortSignal,
): Promise<void> {
  const startedAtMs = performance.now();
  let failedRounds = 0;
  while (performance.now() - startedAtMs < longestMs && failedRounds < mostFailedRounds) {
    signal.throwIfAborted();
    const target = await readTarget(db, settings, endpointId, { isActive: true });
    if (target === undefined) return;
    const due = await claimDeliveries(db, endpointId);
    if (due.length === 0) return;
    const answers = await Promise.all(
      due.map(async (delivery) => {
        const answer = await sendWebhook(target, messageOf(delivery), signal);
        // An abort by the stopping worker says nothing about the endpoint. Another worker retries after the claim
        // expires.
        signal.throwIfAborted();
        await saveAnswer(db, endpointId, delivery, answer);
        return answer;
      }),
    );
    await judgeEndpoint(db, endpointId, answers);
    failedRounds = answers.every(({ error }) => error !== undefined) ? failedRounds + 1 : 0;
  }
}

/**
 * Reads address and signing secrets. @returns undefined where it is deleted, or paused while `isActive` is asked for
 */
async function readTarget(
  db: Db,
  settings: Deps['settings'],
  endpointId: string,
  { isActive }: { isActive: boolean },
): Promise<WebhookTarget | undefined> {
  const { rows } = await sql<{ url: string; secrets: string[] }>`
    select url, array_remove(array[secret,
      case when former_secret_until > now() then former_secret end], null) as secrets
    from webhook_endpoints
    where id = ${endpointId} and (state = 'active' or not ${isActive})`.execute(db);
  return rows[0] && { ...rows[0], mayBePrivate: mayBePrivate(settings) };
}

/** Sends one test message, even to a paused webhook, without retries. @throws Refusal 404 */
export async function sendTestMessage(
  { db, settings, now }: Pick<Deps, 'db' | 'settings' | 'now'>,
  endpointId: string,
): Promise<{ status: number | undefined; error: string | undefined }> {
  await readWebhook(db, endpointId);
  const target = await readTarget(db, settings, endpointId, { isActive: false });
  if (target === undefined) throw notFound('This webhook');
  const id = `test_${randomUUID()}`;
  const data = { message: 'A test: nothing has happened in the shop' };
  const timestamp = new Date(now()).toISOString();
  const body = JSON.stringify({ id, type: 'webhook.test', timestamp, subject: 'test', data });
  const { status, error } = await sendWebhook(target, { id, body }, new AbortController().signal);
  return { status, error };
}

interface ClaimedDelivery extends EventRow {
  attempts: number;
}

/** Longer than the timeout of an answer. */
const claimSeconds = 30;

async function claimDeliveries(db: Db, endpointId: string): Promise<ClaimedDelivery[]> {
  const { rows } = await sql<ClaimedDelivery>`
    with claimed as (
      update webhook_deliveries set attempts = attempts + 1, tried_at = clock_timestamp(),
        first_tried_at = coalesce(first_tried_at, clock_timestamp()),
        due_at = clock_timestamp() + make_interval(secs => ${claimSeconds})
      where endpoint_id = ${endpointId} and position in (
        select position from webhook_deliveries
        where endpoint_id = ${endpointId} and state = 'pending' and due_at <= clock_timestamp()
        order by position limit ${sentAtOnce} for update skip locked)
      returning position, attempts)
    select claimed.attempts, event.* from claimed
    join lateral (select ${eventColumns} from shop_events where shop_events.position = claimed.position) event on true
    order by claimed.position`.execute(db);
  return rows;
}

function messageOf(delivery: ClaimedDelivery) {
  const { id, type, at, subject, data } = toShopEvent(delivery);
  return { id: `evt_${id}`, body: JSON.stringify({ id, type, timestamp: at, subject, data }) };
}

const [minute, hour] = [60, 3_600];
/** Seconds after each failed attempt; together three days. */
export const webhookDelays = [
  5,
  minute,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  18 * hour,
  22 * hour + 25 * minute,
];

async function saveAnswer(
  db: Db,
  endpointId: string,
  { id, attempts }: ClaimedDelivery,
  { status, error, retryAfterSeconds = 0 }: WebhookAnswer,
): Promise<void> {
  const delay = webhookDelays[attempts - 1];
  const state = error === undefined ? 'delivered' : delay === undefined ? 'failed' : 'pending';
  const seconds = Math.max(delay ?? 0, retryAfterSeconds);
  // If staff replayed the delivery meanwhile, its `attempts` differs and this answer is not saved.
  await sql`
    update webhook_deliveries set state = ${state}, status = ${status ?? null}, error = ${error ?? null},
      due_at = case when ${state} = 'pending' then clock_timestamp() + make_interval(secs => ${seconds}) else due_at end
    where endpoint_id = ${endpointId} and position = ${id} and state = 'pending' and attempts = ${attempts}`.execute(
    db,
  );
}

/** Records since when the endpoint fails. It is asked less often, and paused after three days or an answer of 410. */
async function judgeEndpoint(db: Db, endpointId: string, answers: WebhookAnswer[]): Promise<void> {
  if (answers.some(({ error }) => error === undefined)) {
    await sql`
      update webhook_endpoints set failing_since = null, retry_at = null
      where id = ${endpointId} and failing_since is not null`.execute(db);
    return;
  }
  const isGone = answers.some(({ status }) => status === 410);
  const reason = isGone
    ? 'It answered 410: it wants to be told no more'
    : `Every attempt failed for three days. The last one: ${answers.at(-1)?.error}`;
  await sql`
    update webhook_endpoints set failing_since = since,
      retry_at = now() + greatest(interval '10 s', least(interval '15 min', (now() - since) / 10)),
      state = case when ${isGone} or since < now() - interval '3 days' then 'paused' else state end,
      paused_because = case when ${isGone} or since < now() - interval '3 days' then ${reason} else paused_because end
    from (select coalesce(failing_since, now()) as since from webhook_endpoints where id = ${endpointId}) known
    where id = ${endpointId} and state = 'active'`.execute(db);
}
