// The API described by itself: the OpenAPI document, and the same for people, without a script.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { AppEnv } from '../env.ts';
import { chooseEncoding } from '../shared/accept-encoding.ts';
import { bodyOf, type Representation, represent } from '../shared/representation.ts';
import { etagOf, matches } from '../shared/shared-answer.ts';
import { type ApiDocument, apiDocsPage } from './api-docs-page.ts';

const info = {
  openapi: '3.1.0',
  info: {
    title: 'MyClothes.com',
    version: '1',
    description:
      'The shop as JSON. Money is whole minor units; ids are strings; times are ISO 8601 UTC; every error is a problem document (RFC 9457) with a stable code.',
  },
};

/** Call after all routes of the API are mounted: the document is what is mounted. */
export function describeApi(app: OpenAPIHono<AppEnv>): void {
  let document: ApiDocument | undefined;
  const describe = () => (document ??= app.getOpenAPI31Document(info) as unknown as ApiDocument);
  app.get(
    '/api/openapi.json',
    answerAlike('application/json', () => JSON.stringify(describe())),
  );
  app.get(
    '/api/docs',
    answerAlike('text/html; charset=utf-8', async () => String(await apiDocsPage(describe()))),
  );
}

/** What stays the same as long as the process lives: made and compressed when it is first asked for. */
function answerAlike(
  contentType: string,
  write: () => string | Promise<string>,
): (c: Context<AppEnv>) => Promise<Response> {
  let written: Promise<Representation> | undefined;
  return async (c) => {
    written ??= Promise.resolve(write()).then((body) => represent({ status: 200, contentType, body }));
    const whole = await written;
    const encoding = chooseEncoding(c.req.header('Accept-Encoding'), whole.bodies);
    const etag = etagOf(whole, encoding);
    const headers = new Headers({
      'Cache-Control': 'public, max-age=0, must-revalidate',
      ETag: etag,
      Vary: 'Accept-Encoding',
    });
    if (matches(c.req.header('If-None-Match'), etag)) return new Response(null, { status: 304, headers });
    headers.set('Content-Type', contentType);
    if (encoding !== 'identity') headers.set('Content-Encoding', encoding);
    return new Response(bodyOf(whole, encoding), { headers });
  };
}
