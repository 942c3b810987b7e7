// Reads every setting of origin and worker once. Reports all faults together and prints no secret.
import { z } from 'zod';
import { isAddressOrCidr } from '../http/client-address.ts';
import type { TlsFiles } from '../http/tls-files.ts';

export type CartState = 'server' | 'cookie' | 'sticky';

export interface Settings {
  databaseUrl: string;
  /** The role that owns the tables; undefined: the role of `databaseUrl` also migrates. */
  migrationDatabaseUrl: string | undefined;
  databaseReplicaUrls: string[];
  redisUrls: string[];
  /** Number of replicas that must confirm a journalled cart write. */
  redisReplicas: number;
  dataDir: string;
  host: string;
  port: number;
  /** Certificate and key of origin and worker, for TLS from the load balancer; undefined: plain HTTP. */
  tls: TlsFiles | undefined;
  siteUrl: string;
  workerPort: number;
  /** Address of the operators' dashboard. Their passkeys are bound to its host. */
  workerUrl: string;
  metricsPort: number | undefined;
  edgeUrls: string[];
  edgePurgeKey: string | undefined;
  edgeLeaseSeconds: number;
  /** CloudFront distributions whose tags are invalidated too; empty where CloudFront caches no pages. */
  cloudFrontDistributionIds: string[];
  rateLimits: boolean;
  /** The first key signs, and all of them verify. */
  cookieKeys: string[];
  cartState: CartState;
  zone: string;
  instance: string;
  /** Addresses or CIDRs of our own proxies. */
  trustedProxies: string[];
  paymentProviders: ('demo' | 'on-delivery' | 'stripe')[];
  /** `apiUrl`: undefined for Stripe's own. `capture`: when the money is taken. */
  stripe:
    | {
        secretKey: string;
        webhookSecret: string;
        apiUrl: string | undefined;
        capture: 'order' | 'shipment';
      }
    | undefined;
  staff: { email: string; password: string } | undefined;
  smtpUrl: string | undefined;
  /** Where the worker posts alerts; may hold a secret. */
  alertWebhookUrl: string | undefined;
  /** OTLP over HTTP endpoint for spans; undefined: no spans are made. */
  spansEndpoint: string | undefined;
  /** Country of the seller: two letters (ISO 3166). */
  shopCountry: string;
  /** Name, address and other details that the law requires on the imprint and on invoices. */
  sellerLines: string[];
  operatorPassword: string | undefined;
  /** Whether staff without a second factor may only set one up. */
  staffSecondFactor: boolean;
  /** Days after delivery in which pieces can be sent back. */
  returnDays: number;
  keep: KeepPeriods;
  logLevel: string;
  /** Origins of pages that may use the API with a bearer token. */
  corsOrigins: string[];
}

/** Has one line for each fault. The lines name settings and never contain their values. */
export class SettingsError extends Error {
  readonly faults: string[];

  constructor(faults: string[]) {
    super(
      `Cannot start, ${faults.length === 1 ? 'a setting is' : 'settings are'} wrong:\n  ${faults.join('\n  ')}`,
    );
    this.name = 'SettingsError';
    this.faults = faults;
  }
}

/** Default periods for personal data, in days; for books in years. See the register of personal data. */
export const keepDefaults = {
  /** E-mail address and postal addresses of guest orders. */
  KEEP_GUEST_ORDERS_DAYS: 1_095,
  /** Counted from the end of the year of issue. */
  KEEP_INVOICES_YEARS: 10,
  KEEP_WITHDRAWALS_DAYS: 1_095,
  /** Carts of guests, counted from the last change; the guest's cookie lives 400 days. */
  KEEP_CARTS_DAYS: 400,
  /** Mails that could not be delivered, and mails as files. */
  KEEP_MAILS_DAYS: 90,
  KEEP_OPERATOR_SESSIONS_DAYS: 90,
};

export type KeepSetting = keyof typeof keepDefaults;
export type KeepPeriods = Record<KeepSetting, number>;

type Environment = Record<string, string | undefined>;

/**
 * Several addresses mean a cluster. A single cluster address, such as ElastiCache's configuration endpoint, is
 * repeated to mean the same.
 */
export function asSeeds(urls: string[], cluster: string | undefined): string[] {
  return cluster === 'on' && urls.length === 1 ? [...urls, ...urls] : urls;
}

/** @param instance name of the process where INSTANCE is not set */
export function readSettings(env: Environment, instance = 'origin-1'): Settings {
  const present = Object.fromEntries(
    Object.entries({ ...env, INSTANCE: env['INSTANCE'] || instance }).filter(
      ([, value]) => value !== undefined && value !== '',
    ),
  );
  const parsed = Environment.safeParse(present);
  const wrong = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  const faults = [...wrong, ...findMissingPartners(present)];
  if (!parsed.success || faults.length > 0) throw new SettingsError(faults);
  return toSettings(parsed.data);
}

/** Reads the raw settings, because a fault elsewhere leaves nothing parsed. */
function findMissingPartners(env: Environment): string[] {
  const faults: string[] = [];
  if (splitList(env['EDGE_URLS'] ?? '').length > 0 && env['EDGE_PURGE_KEY'] === undefined)
    faults.push('EDGE_PURGE_KEY: must be set where EDGE_URLS is');
  if ((env['STAFF_EMAIL'] === undefined) !== (env['STAFF_PASSWORD'] === undefined))
    faults.push('STAFF_PASSWORD: must be set together with STAFF_EMAIL');
  if ((env['TLS_CERTIFICATE_FILE'] === undefined) !== (env['TLS_KEY_FILE'] === undefined))
    faults.push('TLS_KEY_FILE: must be set together with TLS_CERTIFICATE_FILE');
  const takesStripe = splitList(env['PAYMENT_PROVIDERS'] ?? '').includes('stripe');
  const stripeKeys = [env['STRIPE_SECRET_KEY'], env['STRIPE_WEBHOOK_SECRET']].filter(Boolean).length;
  // Both are needed even where Stripe is no longer offered, because its old orders are still queried.
  if (stripeKeys === 1 || (takesStripe && stripeKeys === 0)) {
    faults.push(
      'STRIPE_SECRET_KEY: must be set together with STRIPE_WEBHOOK_SECRET, both where PAYMENT_PROVIDERS names stripe',
    );
  }
  return [...faults, ...findProductionFaults(env)];
}

const leastKeyBytes = 32;

/** Finds settings that suffice on one machine but are refused where NODE_ENV is production. */
function findProductionFaults(env: Environment): string[] {
  if (env['NODE_ENV'] !== 'production') return [];
  const faults: string[] = [];
  if (env['PAYMENT_PROVIDERS'] === undefined)
    faults.push('PAYMENT_PROVIDERS: must be set in production; name demo only where no money is to move');
  for (const name of ['COOKIE_KEYS', 'EDGE_PURGE_KEY'])
    if (splitList(env[name] ?? '').some((key) => Buffer.byteLength(key) < leastKeyBytes))
      faults.push(`${name}: must have at least ${leastKeyBytes} bytes in production`);
  return faults;
}

const list = z.string().default('').transform(splitList);

const url = (...protocols: string[]) =>
  z.string({ error: 'must be set' }).refine((text) => isUrl(text, protocols), {
    error: `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });

const urls = (...protocols: string[]) =>
  list.refine((items) => items.every((item) => isUrl(item, protocols)), {
    error: `must be URLs that begin with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}, separated by commas`,
  });

export const portFault = { error: 'must be a port, 0 to 65535' };

const port = (fallback: number) =>
  z.string().default(String(fallback)).refine(isPort, portFault).transform(Number);

const memberStates = 'AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE'.split(
  ' ',
);

/** Bounded to a hundred years, because Postgres computes dates from it. */
const period = (name: KeepSetting) => {
  const [unit, most] = name.endsWith('YEARS') ? ['years', 100] : ['days', 36_500];
  return z
    .string()
    .default(String(keepDefaults[name]))
    .refine((text) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= most!, {
      error: `must be a whole number of ${unit}, 1 to ${most}`,
    })
    .transform(Number);
};

const keepSettings = Object.keys(keepDefaults) as KeepSetting[];
const periods = Object.fromEntries(keepSettings.map((name) => [name, period(name)])) as Record<
  KeepSetting,
  ReturnType<typeof period>
>;

const Environment = z.object({
  ...periods,
  DATABASE_URL: url('postgres:', 'postgresql:'),
  MIGRATION_DATABASE_URL: url('postgres:', 'postgresql:').optional(),
  DATABASE_REPLICA_URLS: urls('postgres:', 'postgresql:').refine((items) => items.length <= 15, {
    error: 'must name at most 15 replicas',
  }),
  REDIS_URL: z
    .string({ error: 'must be set' })
    .transform(splitList)
    .refine((found) => found.length > 0 && found.every((item) => isUrl(item, ['redis:', 'rediss:'])), {
      error: 'must be URLs that begin with redis:// or rediss://, separated by commas',
    }),
  REDIS_CLUSTER: z.enum(['on', 'off'], { error: 'must be on or off' }).default('off'),
  REDIS_REPLICAS: z
    .string()
    .default('0')
    .refine((text) => /^\d$/.test(text), { error: 'must be a whole number, 0 to 9' })
    .transform(Number),
  DATA_DIR: z.string().default('.data'),
  HOST: z.string().default('127.0.0.1'),
  PORT: port(3000),
  TLS_CERTIFICATE_FILE: z.string().optional(),
  TLS_KEY_FILE: z.string().optional(),
  SITE_URL: url('http:', 'https:').optional(),
  WORKER_PORT: port(3001),
  WORKER_URL: url('http:', 'https:').optional(),
  METRICS_PORT: z.string().refine(isPort, portFault).transform(Number).optional(),
  EDGE_URLS: urls('http:', 'https:'),
  EDGE_PURGE_KEY: z.string().optional(),
  EDGE_LEASE_SECONDS: z
    .string()
    .default('3')
    .refine((text) => Number(text) >= 1 && Number(text) <= 60, { error: 'must be 1 to 60' })
    .transform(Number),
  CLOUDFRONT_DISTRIBUTION_IDS: list.refine((ids) => ids.every((id) => /^[A-Z0-9]{8,32}$/.test(id)), {
    error: 'must be ids of distributions, separated by commas',
  }),
  RATE_LIMITS: z.enum(['on', 'off'], { error: 'must be on or off' }).default('on'),
  COOKIE_KEYS: z
    .string({ error: 'must be set: secrets, separated by commas' })
    .transform(splitList)
    .refine((keys) => keys.length > 0, { error: 'must be secrets, separated by commas' }),
  CART_STATE: z
    .enum(['server', 'cookie', 'sticky'], { error: 'must be server, cookie or sticky' })
    .default('server'),
  ZONE: z
    .string()
    .regex(/^[\w.-]{1,32}$/, { error: 'must be 1 to 32 letters, digits, dots or hyphens' })
    .default('local'),
  INSTANCE: z.string().regex(/^[\w.-]{1,64}$/, { error: 'must be 1 to 64 letters, digits, dots or hyphens' }),
  CORS_ORIGINS: list.refine(
    (items) => items.every((item) => URL.canParse(item) && new URL(item).origin === item),
    {
      error: 'must be origins such as https://erp.example, separated by commas',
    },
  ),
  TRUSTED_PROXIES: list.refine((items) => items.every(isAddressOrCidr), {
    error: 'must be IP addresses or CIDRs, separated by commas',
  }),
  PAYMENT_PROVIDERS: z
    .string()
    .default('demo,on-delivery')
    .transform(splitList)
    .pipe(
      z
        .array(z.enum(['demo', 'on-delivery', 'stripe'], { error: 'must name demo, on-delivery or stripe' }))
        .min(1),
    ),
  STRIPE_SECRET_KEY: z.string().optional(),
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
  STRIPE_API_URL: url('https:', 'http:')
    .refine((address) => /^https:|^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]/.test(`${address}/`), {
      error: 'must be https, or http on this machine, as the secret key is sent to it',
    })
    .optional(),
  STRIPE_CAPTURE: z.enum(['order', 'shipment'], { error: 'must be order or shipment' }).default('order'),
  STAFF_EMAIL: z.email({ error: 'must be an e-mail address' }).optional(),
  STAFF_PASSWORD: z.string().optional(),
  SMTP_URL: url('smtp:', 'smtps:').optional(),
  SHOP_COUNTRY: z
    .string()
    .default('DE')
    .transform((code) => code.trim().toUpperCase())
    .refine((code) => memberStates.includes(code), {
      error: 'must be the two letters (ISO 3166) of a member state of the EU, such as DE',
    }),
  SELLER: z.string().default('').transform(splitLines),
  OPERATOR_PASSWORD: z.string().optional(),
  STAFF_SECOND_FACTOR: z
    .enum(['optional', 'required'], { error: 'must be optional or required' })
    .default('optional'),
  ALERT_WEBHOOK_URL: url('http:', 'https:').optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http:', 'https:').optional(),
  RETURN_DAYS: z
    .string()
    .default('14')
    .refine((text) => /^\d{1,4}$/.test(text), { error: 'must be a whole number of days, 0 to 9999' })
    .transform(Number),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
      error: 'must be trace, debug, info, warn, error or silent',
    })
    .default('info'),
});

function toSettings(env: z.output<typeof Environment>): Settings {
  return {
    databaseUrl: env.DATABASE_URL,
    migrationDatabaseUrl: env.MIGRATION_DATABASE_URL,
    databaseReplicaUrls: env.DATABASE_REPLICA_URLS,
    redisUrls: asSeeds(env.REDIS_URL, env.REDIS_CLUSTER),
    redisReplicas: env.REDIS_REPLICAS,
    dataDir: env.DATA_DIR,
    host: env.HOST,
    port: env.PORT,
    tls:
      env.TLS_CERTIFICATE_FILE && env.TLS_KEY_FILE
        ? { certificateFile: env.TLS_CERTIFICATE_FILE, keyFile: env.TLS_KEY_FILE }
        : undefined,
    siteUrl: (env.SITE_URL ?? `http://localhost:${env.PORT}`).replace(/\/+$/, ''),
    workerPort: env.WORKER_PORT,
    workerUrl: (env.WORKER_URL ?? `http://localhost:${env.WORKER_PORT}`).replace(/\/+$/, ''),
    metricsPort: env.METRICS_PORT,
    edgeUrls: env.EDGE_URLS.map((edge) => edge.replace(/\/+$/, '')),
    edgePurgeKey: env.EDGE_PURGE_KEY,
    edgeLeaseSeconds: env.EDGE_LEASE_SECONDS,
    cloudFrontDistributionIds: env.CLOUDFRONT_DISTRIBUTION_IDS,
    rateLimits: env.RATE_LIMITS === 'on',
    cookieKeys: env.COOKIE_KEYS,
    cartState: env.CART_STATE,
    zone: env.ZONE,
    instance: env.INSTANCE,
    trustedProxies: env.TRUSTED_PROXIES,
    paymentProviders: env.PAYMENT_PROVIDERS,
    stripe:
      env.STRIPE_SECRET_KEY && env.STRIPE_WEBHOOK_SECRET
        ? {
            secretKey: env.STRIPE_SECRET_KEY,
            webhookSecret: env.STRIPE_WEBHOOK_SECRET,
            apiUrl: env.STRIPE_API_URL,
            capture: env.STRIPE_CAPTURE,
          }
        : undefined,
    staff:
      env.STAFF_EMAIL && env.STAFF_PASSWORD
        ? { email: env.STAFF_EMAIL, password: env.STAFF_PASSWORD }
        : undefined,
    smtpUrl: env.SMTP_URL,
    alertWebhookUrl: env.ALERT_WEBHOOK_URL,
    spansEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
    shopCountry: env.SHOP_COUNTRY,
    sellerLines: env.SELLER,
    operatorPassword: env.OPERATOR_PASSWORD,
    staffSecondFactor: env.STAFF_SECOND_FACTOR === 'required',
    returnDays: env.RETURN_DAYS,
    keep: Object.fromEntries(keepSettings.map((name) => [name, env[name]])) as KeepPeriods,
    logLevel: env.LOG_LEVEL,
    corsOrigins: env.CORS_ORIGINS,
  };
}

function isUrl(text: string, protocols: string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol);
}

export function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

/** Splits at line breaks, or at bars for settings files that cannot hold line breaks. */
function splitLines(text: string): string[] {
  return text
    .split(/\r?\n|\\n|\|/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
