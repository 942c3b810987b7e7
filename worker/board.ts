// bull-board below the dashboard: each queue, each job.
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { HonoAdapter } from '@bull-board/hono';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import type { Queues } from './queues.ts';

/** Read-only: work is brought back through its outbox row (`ops jobs retry`), never by moving a queue's entry. */
export function createBoard(queues: Queues): Hono {
  const adapter = new HonoAdapter(serveStatic);
  adapter.setBasePath('/jobs/board');
  createBullBoard({
    queues: Object.values(queues).map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'MyClothes.com jobs' } },
  });
  return new Hono().route('/jobs/board', adapter.registerPlugin()) as unknown as Hono;
}
