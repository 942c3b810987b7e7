// The routes of an order's invoice and credit notes, as PDF and as XML, for everyone who may see the order.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Deps } from '../../deps.ts';
import { notFound } from '../../errors.ts';
import { refuseEndedSession } from '../../identity/visitor.ts';
import { headersOfAnswer } from '../../web/api/answer-headers.ts';
import { createApi, defineRoute, Id, z } from '../../web/api/api.ts';
import type { ProblemCode } from '../../web/api/problem-codes.ts';
import type { AppEnv } from '../../web/env.ts';
import { readBuyer } from '../api.ts';
import { readOrder, readOrderByKey } from '../read-orders.ts';
import { type BillDocument, readCreditNote, readInvoice } from './invoice.ts';
import { writeInvoiceXml } from './invoice-xml.ts';

const key = z
  .string()
  .max(200)
  .optional()
  .openapi({ description: 'Of the link in a mail, which opens this order in any browser' });

function documentRoute<Path extends string, Params extends z.ZodRawShape>(
  path: Path,
  operationId: string,
  summary: string,
  { params, refusals }: { params: Params; refusals: ProblemCode[] },
) {
  const type = path.endsWith('.xml') ? 'application/xml' : 'application/pdf';
  return defineRoute({
    method: 'get',
    path,
    operationId,
    tags: ['order'],
    audience: 'shopper',
    refusals: ['not-found', ...refusals],
    summary,
    request: { params: z.object(params), query: z.object({ key }) },
    responses: {
      200: {
        description: 'The document',
        headers: headersOfAnswer(['Content-Disposition']),
        content: { [type]: { schema: { type: 'string' as const, format: 'binary' } } },
      },
    },
  });
}

const ofOrder = { id: Id };
const ofRefund = { id: Id, refund: Id };

const invoiceRoute = documentRoute(
  '/api/orders/{id}/invoice',
  'getInvoice',
  'The invoice of an order, as soon as something of it is paid; the same bytes each time',
  { params: ofOrder, refusals: ['not-paid'] },
);
const invoiceXmlRoute = documentRoute(
  '/api/orders/{id}/invoice.xml',
  'getInvoiceXml',
  'The same invoice for programs: UBL 2.1 by EN 16931',
  { params: ofOrder, refusals: ['not-paid', 'seller-unknown'] },
);
const creditNoteRoute = documentRoute(
  '/api/orders/{id}/refunds/{refund}/credit-note',
  'getCreditNote',
  'The credit note of a refund, which corrects the invoice; the same bytes each time',
  { params: ofRefund, refusals: [] },
);
const creditNoteXmlRoute = documentRoute(
  '/api/orders/{id}/refunds/{refund}/credit-note.xml',
  'getCreditNoteXml',
  'The same credit note for programs: UBL 2.1 by EN 16931',
  { params: ofRefund, refusals: ['seller-unknown'] },
);

export function invoiceApi(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  const read = createDocumentReader(deps);
  const mayBeSeen = async (c: Context<AppEnv>, id: string, keyOfMail: string | undefined) => {
    if (keyOfMail !== undefined) return void (await readOrderByKey(deps, id, keyOfMail));
    await refuseEndedSession(deps, c);
    await readOrder(deps, id, await readBuyer(deps, c));
  };
  for (const route of [invoiceRoute, invoiceXmlRoute])
    api.openapi(route, async (c): Promise<never> => {
      const { id } = c.req.valid('param');
      await mayBeSeen(c, id, c.req.valid('query').key);
      return respondDocument(c, await read(id), route.path.endsWith('.xml')) as never;
    });
  for (const route of [creditNoteRoute, creditNoteXmlRoute])
    api.openapi(route, async (c): Promise<never> => {
      const { id, refund } = c.req.valid('param');
      await mayBeSeen(c, id, c.req.valid('query').key);
      return respondDocument(c, await read(id, refund), route.path.endsWith('.xml')) as never;
    });
  return api;
}

type ReadDocument = (orderId: string, refundId?: string) => Promise<BillDocument>;

/** Creates a reader that makes a document only once when several requests ask for it at the same moment. */
export function createDocumentReader(deps: Deps): ReadDocument {
  const making = new Map<string, Promise<BillDocument>>();
  return (orderId, refundId) => {
    const name = `${orderId} ${refundId ?? ''}`;
    const reading = refundId === undefined ? readInvoice : readCreditNote;
    const current =
      making.get(name) ?? reading(deps, orderId, refundId ?? '').finally(() => making.delete(name));
    making.set(name, current);
    return current;
  };
}

/** @throws Refusal 404 for a name of no document; else what reading the document throws */
export async function respondNamedDocument(
  c: Context<AppEnv>,
  read: ReadDocument,
  orderId: string,
  name: string,
): Promise<Response> {
  const [, refundId, ending] = /^(?:invoice|credit-note-(\d{1,19}))\.(pdf|xml)$/.exec(name) ?? [];
  if (ending === undefined) throw notFound('This document');
  return respondDocument(c, await read(orderId, refundId), ending === 'xml');
}

function respondDocument(c: Context<AppEnv>, { content, document }: BillDocument, asXml: boolean): Response {
  const body = asXml ? writeInvoiceXml(content) : document;
  return c.body(body, 200, {
    'Content-Type': asXml ? 'application/xml; charset=utf-8' : 'application/pdf',
    'Content-Disposition': `${asXml ? 'attachment' : 'inline'}; filename="${content.number}.${asXml ? 'xml' : 'pdf'}"`,
    'Cache-Control': 'private, no-store',
  });
}
