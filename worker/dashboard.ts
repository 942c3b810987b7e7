// The worker's HTTP app: health, metrics, the operators' console behind a sign-in, and bull-board below it.
import { readFileSync } from 'node:fs';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Settings } from '../origin/config.ts';
import type { Db } from '../origin/schema.ts';
import { toRefusal } from '../origin/web/problem.ts';
import { checkSameOrigin } from '../origin/web/request/middleware.ts';
import { createFinishResponse } from '../origin/web/response-headers.ts';
import { type Health, healthRoutes } from '../origin/web/serving/health.ts';
import { consolePages, readForm } from './console/pages.ts';
import { page } from './console/views/layout.ts';
import { signInView } from './console/views/list.ts';
import type { WorkerMetrics } from './metrics.ts';
import { createOperatorSignIn } from './operator-sign-in.ts';
import type { Queues } from './queues.ts';

export interface DashboardOptions {
  settings: Settings;
  queues: Queues;
  metrics: WorkerMetrics;
  health: Health;
  db: Db;
  /** Call after jobs became due. */
  wake?: () => void;
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

export function createDashboard({ settings, queues, metrics, health, db, wake }: DashboardOptions): Hono {
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
  app.onError((error, c) => {
    const refusal = toRefusal(error);
    return c.text(refusal.message, refusal.status as 500);
  });
  app.route('/', healthRoutes(health));
  app.get('/metrics', async (c) => {
    return c.body(await metrics.registry.metrics(), 200, { 'Content-Type': metrics.registry.contentType });
  });
  const style = readFileSync(new URL('assets/console.css', import.meta.url), 'utf8');
  app.get('/jobs/style.css', (c) => c.body(style, 200, { 'Content-Type': 'text/css; charset=utf-8' }));
  app.get('/jobs/', (c) => c.redirect('/jobs', 301));
  const askToSignIn = (request: Request, problem?: string) =>
    new Response(String(page({ title: 'Operators', problem }, signInView())), {
      status: 401,
      headers: { 'Content-Type': 'text/html; charset=UTF-8', ...challenge(request) },
    });
  app.post('/jobs', bodyLimit({ maxSize: 4_096 }), async (c) => {
    const { password, name } = await readForm(c.req);
    const cookie = operators.signIn(
      typeof password === 'string' ? password : '',
      typeof name === 'string' ? name : '',
    );
    if (cookie === undefined) return askToSignIn(c.req.raw, 'That is not the password.');
    return c.body(null, 303, { Location: '/jobs', 'Set-Cookie': cookie });
  });
  app.use('/jobs/*', async (c, next) => {
    if (operators.whoIs(c.req.raw) === undefined) return askToSignIn(c.req.raw);
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
