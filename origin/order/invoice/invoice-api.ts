// The address of an order's invoice, for whoever may see the order.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Deps } from '../../deps.ts';
import { refuseEndedSession } from '../../identity/visitor.ts';
import { headersOfAnswer } from '../../web/api/answer-headers.ts';
import { createApi, defineRoute, Id, z } from '../../web/api/api.ts';
import type { AppEnv } from '../../web/env.ts';
import { readBuyer } from '../api.ts';
import { readOrder, readOrderByKey } from '../read-orders.ts';
import { type Invoice, readInvoice } from './invoice.ts';

const getInvoiceRoute = defineRoute({
  method: 'get',
  path: '/api/orders/{id}/invoice',
  operationId: 'getInvoice',
  tags: ['order'],
  audience: 'shopper',
  refusals: ['not-found', 'not-paid'],
  summary: 'The invoice of an order, as soon as something of it is paid; the same bytes each time',
  request: {
    params: z.object({ id: Id }),
    query: z.object({
      key: z
        .string()
        .max(200)
        .optional()
        .openapi({ description: 'Of the link in a mail, which opens this order in any browser' }),
    }),
  },
  responses: {
    200: {
      description: 'The invoice',
      headers: headersOfAnswer(['Content-Disposition']),
      content: { 'application/pdf': { schema: { type: 'string' as const, format: 'binary' } } },
    },
  },
});

export function invoiceApi(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  // Requests for one invoice at the same moment make it once.
  const making = new Map<string, Promise<Invoice>>();
  const readOnce = (id: string): Promise<Invoice> => {
    const current = making.get(id) ?? readInvoice(deps, id).finally(() => making.delete(id));
    making.set(id, current);
    return current;
  };
  api.openapi(getInvoiceRoute, async (c): Promise<never> => {
    const { id } = c.req.valid('param');
    const { key } = c.req.valid('query');
    if (key === undefined) {
      await refuseEndedSession(deps, c);
      await readOrder(deps, id, await readBuyer(deps, c));
    } else await readOrderByKey(deps, id, key);
    const { number, document } = await readOnce(id);
    return c.body(document, 200, {
      'Content-Type': 'application/pdf',
      'Content-Disposition': `inline; filename="${number}.pdf"`,
      'Cache-Control': 'private, no-store',
    }) as never;
  });
  return api;
}
