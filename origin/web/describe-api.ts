// The API described by itself: the OpenAPI document, and the same for people, without a script.
import type { OpenAPIHono } from '@hono/zod-openapi';
import { type ApiDocument, apiDocsPage } from './api-docs-page.ts';
import type { AppEnv } from './env.ts';

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
  const headers = { 'Cache-Control': 'public, max-age=0, must-revalidate' };
  app.get('/api/openapi.json', (c) => c.json(describe(), 200, headers));
  app.get('/api/docs', (c) => c.html(apiDocsPage(describe()), 200, headers));
}
