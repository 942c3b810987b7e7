// Serves the OpenAPI document and the pages that document it.
import type { OpenAPIHono } from '@hono/zod-openapi';
import { type Context, Hono } from 'hono';
import { chooseEncoding, matchesEntityTag } from '../../../http/negotiation.ts';
import { Refusal } from '../../errors.ts';
import type { AppEnv } from '../env.ts';
import { toProblem } from '../problem.ts';
import { bodyOf, type Representation, represent } from '../shared/representation.ts';
import { etagOf } from '../shared/shared-response.ts';
import { headerComponents } from './answer-headers.ts';
import { ProblemSchema } from './api.ts';
import { type ApiDocument, apiDocsPage, apiShapesPage } from './api-docs-page.ts';
import { guide } from './guide.ts';
import { type ProblemCode, problemCodes } from './problem-codes.ts';

const config = {
  openapi: '3.1.0',
  info: {
    title: 'MyClothes.com',
    version: '1',
    summary: 'The shop as JSON',
    description: guide
      .map(({ heading, paragraphs }) => [`## ${heading}`, ...paragraphs].join('\n\n'))
      .join('\n\n'),
    contact: { name: 'MyClothes.com', url: 'https://myclothes.com' },
    license: { name: 'MIT', identifier: 'MIT' },
  },
  // Relative, so that it is the address from which the document was fetched.
  servers: [{ url: '/', description: 'This shop' }],
  tags: [
    { name: 'catalog', description: 'Products and categories, the same for everyone' },
    { name: 'cart', description: 'The cart of a guest or an account' },
    { name: 'order', description: 'Buying what is in the cart' },
    { name: 'account', description: 'Signing up, in and out, and the own data' },
    { name: 'staff', description: 'Changing the catalog; for accounts of the staff' },
    { name: 'integration', description: 'For other systems: API keys, what happened, and stock in bulk' },
    { name: 'webhooks', description: 'For those who tell the shop something' },
  ],
};

/** @returns the scope that an API key needs for a staff operation, or `people-only` */
type DescribedScopes = (method: string, path: string) => string | undefined;

/** Describes the routes that `app` has at the first request of the document. */
export function describeApi(app: OpenAPIHono<AppEnv>, scopeOf: DescribedScopes): Hono<AppEnv> {
  let document: ApiDocument | undefined;
  const describe = () => (document ??= writeDocument(app, scopeOf));
  const page = 'text/html; charset=utf-8';
  return new Hono<AppEnv>()
    .get(
      '/api/openapi.json',
      answerUnchanging('application/json', () => JSON.stringify(describe())),
    )
    .get(
      '/api/docs',
      answerUnchanging(page, async () => String(await apiDocsPage(describe()))),
    )
    .get(
      '/api/docs/shapes',
      answerUnchanging(page, async () => String(await apiShapesPage(describe()))),
    );
}

function writeDocument(app: OpenAPIHono<AppEnv>, scopeOf: DescribedScopes): ApiDocument {
  registerComponents(app.openAPIRegistry);
  const document = app.getOpenAPI31Document(config) as unknown as ApiDocument;
  describeScopes(document, scopeOf);
  for (const operation of Object.values(document.paths).flatMap((item) => Object.values(item))) {
    for (const parameter of operation.parameters ?? [])
      if (parameter.in === 'header') parameter.name = asHeaderName(parameter.name);
    const contents = [operation.requestBody, ...Object.values(operation.responses ?? {})];
    for (const media of contents.flatMap((one) => Object.values(one?.content ?? {}))) {
      const name = media.schema?.$ref?.split('/').at(-1) ?? '';
      const example = document.components?.schemas?.[name]?.example;
      if (example !== undefined) media.example = example;
    }
  }
  const used = JSON.stringify(document.paths);
  const examples = document.components?.examples ?? {};
  for (const code of Object.keys(examples))
    if (!used.includes(`"#/components/examples/${code}"`)) delete examples[code];
  // In JSON Schema, examples are a list.
  for (const schema of Object.values(document.components?.schemas ?? {})) {
    const { example } = schema;
    delete schema.example;
    if (example !== undefined) schema.examples = [example];
  }
  return document;
}

/** Adds that an API key with the scope may replace a session. */
function describeScopes(document: ApiDocument, scopeOf: DescribedScopes): void {
  for (const [path, item] of Object.entries(document.paths))
    for (const [method, operation] of Object.entries(item)) {
      const scope = scopeOf(method.toUpperCase(), path);
      if (scope === undefined || scope === 'people-only') continue;
      operation.security = [...(operation.security ?? []), { apiKey: [] }];
      operation.description = `${operation.description} An API key needs the scope \`${scope}\`.`;
    }
}

function registerComponents(registry: OpenAPIHono<AppEnv>['openAPIRegistry']): void {
  registry.register('Problem', ProblemSchema);
  for (const { name, header } of headerComponents()) registry.registerComponent('headers', name, header);
  for (const code of Object.keys(problemCodes) as ProblemCode[])
    registry.registerComponent('examples', code, { value: exampleOf(code) });
  for (const [name, cookie, description] of cookies)
    registry.registerComponent('securitySchemes', name, {
      type: 'apiKey',
      in: 'cookie',
      name: cookie,
      description,
    });
  registry.registerComponent('securitySchemes', 'apiKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'Made by `POST /api/staff/api-keys`, for the API of the staff, each for some scopes',
  });
}

const cookies = [
  ['session', '__Host-session', 'Set by `POST /api/accounts` and `POST /api/sessions`'],
  ['cart', '__Host-cart', 'Set by the first answer of a cart'],
  ['orders', '__Host-orders', 'Set by `POST /api/orders`: a guest’s own orders'],
] as const;

function exampleOf(code: ProblemCode): unknown {
  const { status, meaning } = problemCodes[code];
  const details: Partial<Record<ProblemCode, Record<string, unknown>>> = {
    'bad-request': {
      faults: [{ parameter: 'limit', field: 'limit', message: 'must be a whole number, 1 to 100' }],
    },
    'invalid-body': {
      faults: [{ pointer: '#/quantity', field: 'quantity', message: 'must be at least 1' }],
    },
    'events-gone': { oldest: '801', last: '1042' },
    'missing-scope': { scope: 'orders:write' },
    'out-of-stock': { lines: [{ variantId: '7', available: 1 }] },
    'price-changed': { total: { amount: 4_398, currency: 'EUR' } },
    'promotion-refused': { reason: 'ended' },
    'no-delivery-there': { methods: ['standard'] },
    'unknown-provider': { providers: ['on-delivery'] },
  };
  return toProblem(new Refusal(status, code, meaning.replaceAll('`', ''), { details: details[code] ?? {} }));
}

/** Schemas name headers in lower case, as requests do. */
function asHeaderName(name: string): string {
  return name.replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/** Answers with a text that is made and compressed at the first request and then never changes. */
function answerUnchanging(
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
    if (matchesEntityTag(c.req.header('If-None-Match'), etag))
      return new Response(null, { status: 304, headers });
    headers.set('Content-Type', contentType);
    if (encoding !== 'identity') headers.set('Content-Encoding', encoding);
    return new Response(bodyOf(whole, encoding), { headers });
  };
}
