// The worker's HTTP app: health, metrics, the operators' console behind a sign-in, and bull-board below it.
import { readFileSync } from 'node:fs';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Logger } from 'pino';
import { createRateLimits, type RateLimits } from '../origin/account/rate-limits.ts';
import type { Settings } from '../origin/config.ts';
import { Refusal } from '../origin/errors.ts';
import type { Db } from '../origin/schema.ts';
import { headersOf, toRefusal } from '../origin/web/problem.ts';
import { checkSameOrigin, createReadAddress } from '../origin/web/request/middleware.ts';
import { createFinishResponse } from '../origin/web/response-headers.ts';
import { type Health, healthRoutes } from '../origin/web/serving/health.ts';
import { operatorPages } from './console/operator-pages.ts';
import { consolePages, readForm } from './console/pages.ts';
import { page } from './console/views/layout.ts';
import { codeView, signInView } from './console/views/operators.ts';
import type { WorkerMetrics } from './metrics.ts';
import {
  OperatorSignIn,
  type SecondStep,
  type SignedInOperator,
  type SignInForm,
} from './operator-sign-in.ts';
import type { Queues } from './queues.ts';

export interface DashboardOptions {
  settings: Settings;
  queues: Queues;
  metrics: WorkerMetrics;
  health: Health;
  db: Db;
  /** Call after jobs became due. */
  wake?: () => void;
  /** Bounds guesses of passwords and codes across all workers. Without it, each worker counts for itself. */
  limits?: Pick<RateLimits, 'tryOperator' | 'tryCode'>;
  now?: () => number;
  /** Receives lines for the security log. */
  log?: Pick<Logger, 'info' | 'warn'>;
}

/** The board has inline styles. Scripts are still only files of this worker. */
const boardPolicy = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const assets = [
  ['/jobs/style.css', 'assets/console.css', 'text/css'],
  ['/jobs/live.js', 'assets/live.js', 'text/javascript'],
  // The operators' passkey ceremony uses the shop's script.
  ['/jobs/passkeys.js', '../origin/web/assets/passkeys.js', 'text/javascript'],
] as const;

export function createDashboard(options: DashboardOptions): Hono {
  const { settings, queues, metrics, health, db, wake, now = Date.now, log } = options;
  const limits = options.limits ?? createRateLimits({ settings, now });
  const operators = new OperatorSignIn({ settings, db, limits, now, log });
  const finish = createFinishResponse(settings);
  const app = new Hono();
  app.use(async (c, next) => {
    const startedAtMs = performance.now();
    await next();
    finish(c.res, startedAtMs);
  });
  // Checked inside the middleware above, so that a refusal gets the common headers.
  app.use(async (c, next) => {
    checkSameOrigin(c.req.raw);
    await next();
  });
  app.onError((error) => {
    const refusal = toRefusal(error);
    if (refusal.status >= 500 && error !== refusal) log?.warn({ err: error }, 'an operator’s request failed');
    return new Response(refusal.message, {
      status: refusal.status,
      headers: headersOf(refusal, 'text/plain; charset=UTF-8'),
    });
  });
  app.route('/', healthRoutes(health));
  app.get('/metrics', async (c) => {
    return c.body(await metrics.registry.metrics(), 200, { 'Content-Type': metrics.registry.contentType });
  });
  for (const [path, asset, type] of assets) {
    const content = readFileSync(new URL(asset, import.meta.url), 'utf8');
    app.get(path, (c) => c.body(content, 200, { 'Content-Type': `${type}; charset=utf-8` }));
  }
  app.get('/jobs/', (c) => c.redirect('/jobs', 301));
  const readAddress = createReadAddress(settings);
  const from = (c: Context) => ({ request: c.req.raw, address: readAddress(c) });
  app.post('/jobs', bodyLimit({ maxSize: 16_384 }), async (c) => {
    const form = onlyTexts(await readForm(c.req));
    const entered = await operators.enter(from(c), form).catch((error: unknown) => toRefusal(error));
    if (entered instanceof Refusal) return askToSignIn(c.req.raw, `${entered.message}.`, entered);
    if (entered === 'wrong-password') return askToSignIn(c.req.raw, 'That is not the password.');
    if ('ticket' in entered) return askForCode(c, entered);
    for (const cookie of entered.setCookies) c.header('Set-Cookie', cookie, { append: true });
    return c.body(null, 303, { Location: '/jobs' });
  });
  // The key is the context, because the limit on bodies replaces the request.
  const signedIn = new WeakMap<Context, SignedInOperator>();
  app.use('/jobs/*', async (c, next) => {
    const who = await operators.whoIs(from(c));
    if (who === undefined) return askToSignIn(c.req.raw);
    signedIn.set(c, who);
    const lacksFactor = settings.staffSecondFactor && who.session?.verifiedAt === null;
    if (lacksFactor && !ownPaths.has(c.req.path)) return c.body(null, 303, { Location: '/jobs/you' });
    await next();
    if (c.req.path.startsWith('/jobs/board')) c.header('Content-Security-Policy', boardPolicy);
  });
  const whoIs = (c: Context) => signedIn.get(c)?.name;
  app.route('/', operatorPages({ db, settings, now, limits, log, operators, from, signedIn }));
  app.route('/', consolePages({ db, whoIs, wakeWorker: wake ?? (() => undefined) }));
  // The board has as many files as the rest of the worker. They are loaded when an operator first opens it.
  let board: Promise<Hono> | undefined;
  app.all('/jobs/board/*', async (c) => {
    board ??= import('./board.ts').then(({ createBoard }) => createBoard(queues));
    return (await board).fetch(c.req.raw, c.env);
  });
  return app;
}

/** Paths that stay open to an operator who still has to set up a second factor. */
const ownPaths = new Set(['/jobs/you', '/jobs/sign-out']);

function onlyTexts(form: Record<string, unknown>): SignInForm {
  return Object.fromEntries(Object.entries(form).filter(([, value]) => typeof value === 'string'));
}

function askToSignIn(request: Request, problem?: string, refusal?: Refusal): Response {
  return new Response(String(page({ title: 'Operators', problem }, signInView())), {
    status: refusal?.status ?? 401,
    headers:
      refusal === undefined
        ? { 'Content-Type': 'text/html; charset=UTF-8', ...challenge(request) }
        : headersOf(refusal, 'text/html; charset=UTF-8'),
  });
}

/** Shows the second step of the sign-in form. */
function askForCode(c: Context, step: SecondStep) {
  const problem = step.wrong && wrongProofs[step.wrong];
  return c.html(page({ title: 'Your code', problem }, codeView(step)), step.wrong ? 401 : 200, {
    'WWW-Authenticate': challenge(c.req.raw)['WWW-Authenticate']!,
  });
}

const wrongProofs = {
  code: 'That code is wrong, too old, or was used already.',
  passkey: 'This passkey is not known here, or its answer is too old: try once more.',
};

/**
 * Programs are asked for HTTP Basic, browsers for the cookie of the form. With Basic, browsers would open a login
 * dialog, also for the board's scripts.
 */
function challenge({ headers }: Request): Record<string, string> {
  const isBrowser = headers.get('Accept')?.includes('text/html') || headers.has('Sec-Fetch-Mode');
  return {
    'WWW-Authenticate': isBrowser
      ? 'Cookie realm="MyClothes.com operators", form-action="/jobs", cookie-name="__Host-operator"'
      : 'Basic realm="MyClothes.com operators", charset="UTF-8"',
  };
}
