// The worker's HTTP app for operators: state of the jobs, each job, metrics, health.
import { Hono, type HonoRequest } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Settings } from '../origin/config.ts';
import { notFound, Refusal } from '../origin/errors.ts';
import { dropJobs, retryJobs } from '../origin/outbox/change-jobs.ts';
import { listJobs, readJob } from '../origin/outbox/find-jobs.ts';
import { countJobs, measureOutbox } from '../origin/outbox/measure.ts';
import type { Db } from '../origin/schema.ts';
import { toRefusal } from '../origin/web/problem.ts';
import { checkSameOrigin } from '../origin/web/request/same-origin.ts';
import { createFinishResponse } from '../origin/web/response-headers.ts';
import type { Health } from '../origin/web/serving/health.ts';
import { healthRoutes } from '../origin/web/serving/health.ts';
import { dashboardPage, dashboardStyle, jobPage, signInPage } from './dashboard-page.ts';
import type { WorkerMetrics } from './metrics.ts';
import { createOperatorSignIn } from './operator-sign-in.ts';
import type { Queues } from './queues.ts';

export interface DashboardOptions {
  settings: Settings;
  queues: Queues;
  metrics: WorkerMetrics;
  health: Health;
  db: Db;
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

/** Of what failed, on one page. */
const mostListed = 50;

export function createDashboard({ settings, queues, metrics, health, db }: DashboardOptions): Hono {
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
  app.get('/jobs/style.css', (c) =>
    c.body(dashboardStyle, 200, { 'Content-Type': 'text/css; charset=utf-8' }),
  );
  app.get('/jobs', async (c) => {
    if (!operators.isSignedIn(c.req.raw)) return c.html(signInPage(undefined), 401, challenge(c.req.raw));
    const standing = Promise.all([countJobs(db), measureOutbox(db), listJobs(db, {}, { limit: mostListed })]);
    return c.html(dashboardPage(await standing.catch(() => undefined)));
  });
  app.get('/jobs/:id{[0-9]{1,18}}', async (c) => {
    if (!operators.isSignedIn(c.req.raw)) return c.html(signInPage(undefined), 401, challenge(c.req.raw));
    const job = await readJob(db, c.req.param('id'));
    if (job === undefined) throw notFound('This job');
    return c.html(jobPage(job));
  });
  app.post('/jobs/:id{[0-9]{1,18}}', bodyLimit({ maxSize: 4_096 }), async (c) => {
    if (!operators.isSignedIn(c.req.raw)) return c.html(signInPage(undefined), 401, challenge(c.req.raw));
    const { action } = await readForm(c.req);
    const ids = [c.req.param('id')];
    if (action === 'retry') await retryJobs(db, { who: 'operator', filter: { ids } });
    else if (action === 'drop') await dropJobs(db, { who: 'operator', filter: { ids } });
    else throw new Refusal(422, 'invalid-body', 'The form does not say what to do with the job');
    return c.body(null, 303, { Location: '/jobs' });
  });
  app.get('/jobs/', (c) => c.redirect('/jobs', 301));
  app.post('/jobs', bodyLimit({ maxSize: 4_096 }), async (c) => {
    const { password } = await readForm(c.req);
    const cookie = operators.signIn(typeof password === 'string' ? password : '');
    if (cookie === undefined)
      return c.html(signInPage('That is not the password.'), 401, challenge(c.req.raw));
    return c.body(null, 303, { Location: '/jobs', 'Set-Cookie': cookie });
  });
  app.use('/jobs/board/*', async (c, next) => {
    if (!operators.isSignedIn(c.req.raw)) return c.html(signInPage(undefined), 401, challenge(c.req.raw));
    await next();
    c.header('Content-Security-Policy', boardPolicy);
  });
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

function readForm(request: HonoRequest): Promise<Record<string, unknown>> {
  return request.parseBody().catch((cause: unknown) => {
    throw new Refusal(422, 'invalid-body', 'The form cannot be read', { cause });
  });
}
