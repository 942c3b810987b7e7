// Mounts bull-board below the dashboard: each queue and each job. Its scripts and styles are served by this worker.
import { readFileSync } from 'node:fs';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { HonoAdapter } from '@bull-board/hono';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import type { Queues } from './queues.ts';

const base = '/jobs/board';
const assets = {
  'names.js': { type: 'text/javascript; charset=utf-8', file: new URL('assets/board.js', import.meta.url) },
  'contrast.css': { type: 'text/css; charset=utf-8', file: new URL('assets/board.css', import.meta.url) },
};

/** The board is read-only: jobs are retried through their outbox rows (`ops jobs retry`), never by queue entries. */
export function createBoard(queues: Queues): Hono {
  const adapter = new HonoAdapter(serveStatic);
  adapter.setBasePath(base);
  createBullBoard({
    queues: Object.values(queues).map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'MyClothes.com jobs' } },
  });
  const app = new Hono();
  for (const [name, { type, file }] of Object.entries(assets)) {
    const content = readFileSync(file, 'utf8');
    app.get(`${base}/${name}`, (c) => c.body(content, 200, { 'Content-Type': type }));
  }
  // The board's own script links to the address with a slash, which the board does not serve.
  app.get(`${base}/`, (c) => c.redirect(base, 301));
  app.use(`${base}/*`, async (c, next) => {
    await next();
    if (!c.res.headers.get('Content-Type')?.startsWith('text/html')) return;
    c.res = new Response(withOwnAssets(await c.res.text()), { status: c.res.status, headers: c.res.headers });
  });
  return app.route(base, adapter.registerPlugin()) as unknown as Hono;
}

/** Removes fonts of another host, and adds the worker's own assets. */
function withOwnAssets(page: string): string {
  return page
    .replace(/<link\b[^>]*\bhref="https?:[^>]*>/g, '')
    .replace(
      '</head>',
      `<link href="${base}/contrast.css" rel="stylesheet"><script defer src="${base}/names.js"></script></head>`,
    );
}
