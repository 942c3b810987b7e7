// The worker's HTTP app: health, metrics, the operators' console behind a sign-in, and bull-board below it.
import { readFileSync } from 'node:fs';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { networkOf } from '../http/client-address.ts';
import { readKnownDevice, rememberDevice } from '../origin/account/known-device.ts';
import { createRateLimits, type RateLimits } from '../origin/account/rate-limits.ts';
import type { Settings } from '../origin/config.ts';
import { Refusal } from '../origin/errors.ts';
import type { Db } from '../origin/schema.ts';
import { headersOf, toRefusal } from '../origin/web/problem.ts';
import { checkSameOrigin, createReadAddress } from '../origin/web/request/middleware.ts';
import { createFinishResponse } from '../origin/web/response-headers.ts';
import { type Health, healthRoutes } from '../origin/web/serving/health.ts';
import { consolePages, readForm } from './console/pages.ts';
import { page } from './console/views/layout.ts';
import { signInView } from './console/views/list.ts';
import type { WorkerMetrics } from './metrics.ts';
import { createOperatorSignIn, type OperatorSignIn, readBasicName } from './operator-sign-in.ts';
import type { Queues } from './queues.ts';

export interface DashboardOptions {
  settings: Settings;
  queues: Queues;
  metrics: WorkerMetrics;
  health: Health;
  db: Db;
  /** Call after jobs became due. */
  wake?: () => void;
  /** Bounds guesses of the password over all workers; where it is left out, over this one. */
  limits?: Pick<RateLimits, 'tryOperator'>;
}

/** The board styles itself inline; scripts are still only our own files. */
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
] as const;

export function createDashboard(options: DashboardOptions): Hono {
  const { settings, queues, metrics, health, db, wake } = options;
  const limits = options.limits ?? createRateLimits({ settings, now: Date.now });
  const operators = createOperatorSignIn(settings);
  const finish = createFinishResponse(settings);
  const app = new Hono();
  app.use(async (c, next) => {
    const startedAtMs = performance.now();
    await next();
    finish(c.res, startedAtMs);
  });
  // Inside, so that a refusal bears the headers that every answer bears.
  app.use(async (c, next) => {
    checkSameOrigin(c.req.raw);
    await next();
  });
  app.onError((error) => {
    const refusal = toRefusal(error);
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
  const askToSignIn = (request: Request, problem?: string, refusal?: Refusal) =>
    new Response(String(page({ title: 'Operators', problem }, signInView())), {
      status: refusal?.status ?? 401,
      headers:
        refusal === undefined
          ? { 'Content-Type': 'text/html; charset=UTF-8', ...challenge(request) }
          : headersOf(refusal, 'text/html; charset=UTF-8'),
    });
  app.post('/jobs', bodyLimit({ maxSize: 4_096 }), async (c) => {
    const { password, name } = await readForm(c.req);
    const cookies = c.req.header('Cookie');
    const cookie = await limits
      .tryOperator(readKnownDevice(settings, cookies, operatorAccount), async () =>
        operators.signIn(typeof password === 'string' ? password : '', typeof name === 'string' ? name : ''),
      )
      .catch((error: unknown) => toRefusal(error));
    if (cookie instanceof Refusal) return askToSignIn(c.req.raw, `${cookie.message}.`, cookie);
    if (cookie === undefined) return askToSignIn(c.req.raw, 'That is not the password.');
    c.header('Set-Cookie', cookie);
    c.header('Set-Cookie', rememberDevice(settings, cookies, operatorAccount), { append: true });
    return c.body(null, 303, { Location: '/jobs' });
  });
  const isOperator = createProgramCheck(operators, limits, createReadAddress(settings));
  app.use('/jobs/*', async (c, next) => {
    if (!(await isOperator(c))) return askToSignIn(c.req.raw);
    await next();
    if (c.req.path.startsWith('/jobs/board')) c.header('Content-Security-Policy', boardPolicy);
  });
  app.route('/', consolePages({ db, whoIs: operators.whoIs, wakeWorker: wake ?? (() => undefined) }));
  // As many files as the rest of the worker: read when an operator first looks, not by each worker that starts.
  let board: Promise<Hono> | undefined;
  app.all('/jobs/board/*', async (c) => {
    board ??= import('./board.ts').then(({ createBoard }) => createBoard(queues));
    return (await board).fetch(c.req.raw, c.env);
  });
  return app;
}

/** What operators are in the counts of attempts and in the device cookie: they share one password. */
const operatorAccount = 'operator';
const mostNetworks = 1_000;

/**
 * Programs send the password with each request: wrong ones are counted. A network that sent the right one before has a
 * count of its own, so that strangers do not lock it out.
 */
function createProgramCheck(
  operators: OperatorSignIn,
  limits: Pick<RateLimits, 'tryOperator'>,
  readAddress: (c: Context) => string,
): (c: Context) => Promise<boolean> {
  const known = new Set<string>();
  return async (c) => {
    if (readBasicName(c.req.raw) === undefined) return operators.whoIs(c.req.raw) !== undefined;
    const network = networkOf(readAddress(c));
    const device = known.has(network) ? `basic ${network}` : undefined;
    const who = await limits.tryOperator(device, async () => operators.whoIs(c.req.raw));
    if (who !== undefined && known.size < mostNetworks) known.add(network);
    return who !== undefined;
  };
}

/**
 * Programs are asked for HTTP Basic. Browsers are asked for the cookie of the form: with Basic they would open a
 * dialog of their own, for the board's scripts too.
 */
function challenge({ headers }: Request): Record<string, string> {
  const isBrowser = headers.get('Accept')?.includes('text/html') || headers.has('Sec-Fetch-Mode');
  return {
    'WWW-Authenticate': isBrowser
      ? 'Cookie realm="MyClothes.com operators", form-action="/jobs", cookie-name="__Host-operator"'
      : 'Basic realm="MyClothes.com operators", charset="UTF-8"',
  };
}
