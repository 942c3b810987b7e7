// A session as its owner sees it in the list of devices.
import { z } from '@hono/zod-openapi';

const exampleSession = {
  id: '7',
  device: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0',
  createdAt: '2026-11-30T09:30:00.000Z',
  lastSeenAt: '2026-11-30T10:30:00.000Z',
  current: true,
};

export const SessionSchema = z
  .object({
    id: z.string(),
    device: z.string(),
    createdAt: z.iso.datetime(),
    lastSeenAt: z.iso.datetime(),
    current: z.boolean(),
  })
  .openapi('Session', { example: exampleSession });

export const SessionListSchema = z
  .object({ items: z.array(SessionSchema) })
  .openapi('SessionList', { example: { items: [exampleSession] } });

export type Session = z.infer<typeof SessionSchema>;
