// Evaluates a few alert rules in the worker and posts them to ALERT_WEBHOOK_URL, for a shop without Prometheus.
import { sql } from 'kysely';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Deps } from '../origin/deps.ts';
import type { Db } from '../origin/schema.ts';
import { every, type TimedTasks } from './timed-tasks.ts';

export interface WorkerRule {
  alert: string;
  metric: string;
  /** The label that distinguishes several series. */
  by?: string;
  is: '>' | '<';
  than: number;
  forSeconds: number;
  severity: 'page' | 'ticket';
  /** Anchor in docs/runbook.md. */
  page: string;
  summary: string;
}

/** The same as in ops-scripts/alerts/rules.yaml, which has further rules. A test compares both. */
export const workerRules: WorkerRule[] = [
  {
    alert: 'DeadLetters',
    metric: 'outbox_dead_letters',
    ...{ is: '>', than: 0, forSeconds: 60, severity: 'ticket' },
    page: 'jobs-were-given-up',
    summary: 'Jobs were given up',
  },
  {
    alert: 'JobsLate',
    metric: 'outbox_lag_seconds',
    ...{ is: '>', than: 60, forSeconds: 120, severity: 'page' },
    page: 'jobs-are-late',
    summary: 'The oldest due job has waited for more than a minute',
  },
  {
    alert: 'QueueStands',
    metric: 'job_oldest_waiting_seconds',
    by: 'queue',
    ...{ is: '>', than: 60, forSeconds: 300, severity: 'ticket' },
    page: 'jobs-are-late',
    summary: 'A job in a queue is begun by no worker',
  },
  {
    alert: 'KindPaused',
    metric: 'jobs_paused',
    by: 'queue',
    ...{ is: '>', than: 0, forSeconds: 3_600, severity: 'ticket' },
    page: 'a-kind-of-job-is-paused',
    summary: 'A kind of job has been paused for an hour',
  },
  {
    alert: 'PurgesUnconfirmed',
    metric: 'purges_pending',
    by: 'edge',
    ...{ is: '>', than: 0, forSeconds: 120, severity: 'ticket' },
    page: 'an-edge-does-not-confirm-purges',
    summary: 'An edge has not confirmed purges for two minutes',
  },
  {
    alert: 'JournalNotDrained',
    metric: 'cart_journal_carts',
    ...{ is: '>', than: 0, forSeconds: 300, severity: 'page' },
    page: 'carts-wait-in-the-journal',
    summary: 'Carts have waited in the journal for five minutes',
  },
  {
    alert: 'StoreDown',
    metric: 'store_up',
    by: 'store',
    ...{ is: '<', than: 1, forSeconds: 60, severity: 'page' },
    page: 'a-store-is-down',
    summary: 'A store cannot be reached',
  },
  {
    alert: 'PaymentsUnclear',
    metric: 'payments_unclear',
    ...{ is: '>', than: 0, forSeconds: 1_800, severity: 'ticket' },
    page: 'money-is-unclear-or-came-late',
    summary: 'A payment is unclear, or money came after its order was cancelled',
  },
  {
    alert: 'WebhookFails',
    metric: 'webhook_failing_seconds',
    by: 'webhook',
    ...{ is: '>', than: 3_600, forSeconds: 300, severity: 'ticket' },
    page: 'a-webhook-takes-nothing',
    summary: 'A webhook has taken nothing for an hour',
  },
  {
    alert: 'DiskNearlyFull',
    metric: 'disk_free_ratio',
    ...{ is: '<', than: 0.1, forSeconds: 300, severity: 'page' },
    page: 'a-disk-is-full',
    summary: 'Less than a tenth of the disk under DATA_DIR is free',
  },
  {
    alert: 'CertificateEnds',
    metric: 'certificate_left_seconds',
    by: 'host',
    ...{ is: '<', than: 1_209_600, forSeconds: 900, severity: 'ticket' },
    page: 'a-certificate-expires',
    summary: 'A certificate expires within two weeks',
  },
  {
    alert: 'CertificateExpired',
    metric: 'certificate_left_seconds',
    by: 'host',
    ...{ is: '<', than: 0, forSeconds: 60, severity: 'page' },
    page: 'a-certificate-expires',
    summary: 'A certificate has expired, so that browsers refuse the shop',
  },
  {
    alert: 'MigrationsMissing',
    metric: 'migrations_missing',
    ...{ is: '>', than: 0, forSeconds: 600, severity: 'ticket' },
    page: 'a-migration-does-not-end',
    summary: 'The database lacks migrations of the release that runs',
  },
] satisfies WorkerRule[];

export interface AlertsOptions {
  webhookUrl: string;
  registry: Registry;
  db: Db;
  log: Logger;
  /** Name of this worker. */
  worker: string;
  siteUrl: string;
  /** Monotonic milliseconds. */
  nowMs?: () => number;
}

const evaluateMs = 15_000;
const postTimeoutMs = 5_000;
/** A continuing alert is posted again after this time. */
const repeatHours = 4;
/** An alert that only another worker sees is resolved by that worker. Others take over after this silence. */
const foreignMinutes = 10;

/** Does nothing where ALERT_WEBHOOK_URL is not set. */
export function startAlerts(
  { settings, db, log }: Pick<Deps, 'settings' | 'db' | 'log'>,
  registry: Registry,
): TimedTasks {
  const { alertWebhookUrl: webhookUrl, siteUrl, zone, instance } = settings;
  if (webhookUrl === undefined) return { stop: async () => undefined };
  const evaluate = createAlerts({ webhookUrl, registry, db, log, worker: `${zone}/${instance}`, siteUrl });
  return every(evaluateMs, evaluate, log, 'evaluate alerts');
}

interface Symptom {
  /** The alert and its label value. */
  key: string;
  rule: WorkerRule;
  about: string;
  value: number;
}

interface Said {
  key: string;
  state: 'firing' | 'resolved';
  /** Whether this worker may post it as resolved. */
  isOurs: boolean;
  isOld: boolean;
}

/** @returns a function that evaluates all rules once and posts changes; it never rejects */
export function createAlerts(options: AlertsOptions): (signal?: AbortSignal) => Promise<void> {
  const { db, log } = options;
  const now = options.nowMs ?? (() => performance.now());
  const since = new Map<string, { rule: WorkerRule; atMs: number }>();
  /** Where Postgres does not answer, each worker remembers for itself. */
  const own = new Map<string, Said['state']>();

  const say = async (symptom: Symptom, state: Said['state'], stop?: AbortSignal) => {
    const claim = await claimPost(db, symptom.key, state, options.worker);
    if (claim === 'elsewhere' || (claim === 'unknown' && own.get(symptom.key) === state)) return;
    try {
      await post(options, symptom, { state, stop });
      own.set(symptom.key, state);
    } catch (error) {
      log.warn({ err: error, alert: symptom.key }, 'the alert could not be posted; it is tried again');
      await releasePost(db, symptom.key, state).catch(() => undefined);
    }
  };

  return async (stop) => {
    const { symptoms, measured } = await findSymptoms(options.registry);
    const present = new Set(symptoms.map(({ key }) => key));
    // A figure that could not be read, as of a slow store, does not begin the time of its alert anew.
    for (const [key, { rule }] of since)
      if (!present.has(key) && measured.has(rule.metric)) since.delete(key);
    for (const { key, rule } of symptoms) if (!since.has(key)) since.set(key, { rule, atMs: now() });
    const firing = symptoms.filter(
      ({ key, rule }) => now() - since.get(key)!.atMs >= rule.forSeconds * 1_000,
    );
    const said = await readSaid(db, options.worker).catch(() => undefined);
    const stateOf = (key: string) => (said === undefined ? own.get(key) : said.get(key)?.state);
    for (const symptom of firing) {
      if (stateOf(symptom.key) !== 'firing' || said?.get(symptom.key)?.isOld)
        await say(symptom, 'firing', stop);
    }
    const known =
      said === undefined
        ? [...own].map(([key, state]) => ({ key, state, isOurs: true }))
        : [...said.values()];
    for (const { key, state, isOurs } of known) {
      const [alert, about = ''] = key.split(/ (.*)/s);
      const rule = workerRules.find((one) => one.alert === alert);
      // Without a reading of its metric, an alert stays as it is.
      if (
        state !== 'firing' ||
        present.has(key) ||
        !isOurs ||
        rule === undefined ||
        !measured.has(rule.metric)
      )
        continue;
      await say({ key, rule, about, value: 0 }, 'resolved', stop);
    }
  };
}

async function findSymptoms(registry: Registry): Promise<{ symptoms: Symptom[]; measured: Set<string> }> {
  const metrics = await registry.getMetricsAsJSON();
  const symptoms: Symptom[] = [];
  const measured = new Set<string>();
  for (const rule of workerRules) {
    const values = metrics.find(({ name }) => name === rule.metric)?.values ?? [];
    if (values.length > 0) measured.add(rule.metric);
    for (const { value, labels } of values) {
      if (rule.is === '>' ? value <= rule.than : value >= rule.than) continue;
      const about = rule.by === undefined ? '' : String(labels[rule.by]);
      symptoms.push({ key: `${rule.alert} ${about}`.trim(), rule, about, value });
    }
  }
  return { symptoms, measured };
}

async function readSaid(db: Db, worker: string): Promise<Map<string, Said>> {
  const { rows } = await sql<Said>`
    select alert as key, state, posted_at < now() - make_interval(hours => ${repeatHours}) as "isOld",
      worker = ${worker} or posted_at < now() - make_interval(mins => ${foreignMinutes}) as "isOurs"
    from alert_posts`.execute(db);
  return new Map(rows.map((row) => [row.key, row]));
}

/** Claims a post, so that only one worker posts it. @returns `unknown` where Postgres does not answer */
async function claimPost(db: Db, key: string, state: Said['state'], worker: string) {
  try {
    const { rows } = await sql`
      insert into alert_posts as posts (alert, state, worker, posted_at)
      select ${key}, ${state}, ${worker}, now() where ${state} = 'firing' or exists (select from alert_posts where alert = ${key})
      on conflict (alert) do update set state = excluded.state, worker = excluded.worker, posted_at = excluded.posted_at
        where posts.state <> excluded.state or posts.posted_at < now() - make_interval(hours => ${repeatHours})
      returning 1`.execute(db);
    return rows.length > 0 ? ('ours' as const) : ('elsewhere' as const);
  } catch {
    return 'unknown' as const;
  }
}

async function releasePost(db: Db, key: string, state: Said['state']): Promise<void> {
  await sql`
    update alert_posts set state = ${state === 'firing' ? 'resolved' : 'firing'}
    where alert = ${key} and state = ${state}`.execute(db);
}

async function post(
  { webhookUrl, siteUrl, worker }: AlertsOptions,
  { rule, about, value, key }: Symptom,
  { state, stop }: { state: Said['state']; stop: AbortSignal | undefined },
): Promise<void> {
  const { alert, severity, page, summary } = rule;
  const runbook = `docs/runbook.md#${page}`;
  const what = about === '' ? summary : `${summary}: ${about}`;
  const text = state === 'firing' ? `${severity}: ${what} (${value}). See ${runbook}` : `Over: ${what}`;
  const answer = await fetch(webhookUrl, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    // Chat programs show `text`; programs read the other members.
    body: JSON.stringify({ text, alert, key, about, state, severity, value, runbook, shop: siteUrl, worker }),
    signal: AbortSignal.any([AbortSignal.timeout(postTimeoutMs), ...(stop ? [stop] : [])]),
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`Cannot post an alert as the webhook answered ${answer.status}`);
}
