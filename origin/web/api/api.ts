// Defines JSON routes.
// Schemas parse the input and refuse unknown members, faults name their place, and answers are described.
import { createRoute, OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi';
import type { Context, Next } from 'hono';
import { Refusal, unsupportedMediaType } from '../../errors.ts';
import type { AppEnv } from '../env.ts';
import { type AnswerHeader, headersOfAnswer } from './answer-headers.ts';
import { describeFault, readFaults } from './describe-faults.ts';
import { type ProblemCode, problemCodes } from './problem-codes.ts';

export { z };

/**
 * A router whose validation faults are problem documents: `400 bad-request` for queries, paths and headers, `422
 * invalid-body` for bodies.
 */
export function createApi(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      const faults = readFaults(result.target, result.error.issues);
      const message = faults.map(describeFault).join('; ');
      if (result.target === 'json') throw new Refusal(422, 'invalid-body', message, { details: { faults } });
      throw new Refusal(400, 'bad-request', message, { details: { faults } });
    },
  });
}

/** Who may call a route. It decides which cookies count and which refusals are possible. */
export type Audience =
  /** Cookies make no difference. */
  | 'everyone'
  /** A guest by the cookies of cart and orders, or an account by its session. */
  | 'shopper'
  /** Only a signed-in account. */
  | 'account'
  | 'staff';

interface RouteFacts {
  operationId: string;
  summary: string;
  audience: Audience;
  /** Refusals of this route besides those that all routes of its kind share. */
  refusals?: ProblemCode[];
}

/**
 * Defines a route and adds what its kind shares: refusals, security, headers of answers, and strict reading of the
 * body.
 */
export function defineRoute<
  Path extends string,
  Config extends Omit<RouteConfig, 'path' | 'operationId' | 'summary'> & { path: Path } & RouteFacts,
>(config: Config): Config & { getRoutingPath(): string } {
  const { audience, refusals = [], ...route } = config;
  const codes = [...commonRefusals(config), ...refusals];
  const described = {
    security: security[audience],
    description: describeUse(config),
    ...route,
    ...(takesJson(config) ? { middleware: readJsonBody } : {}),
    responses: { ...config.responses, ...problemAnswers(codes) },
  };
  return createRoute(described as RouteConfig & { path: Path }) as unknown as Config & {
    getRoutingPath(): string;
  };
}

const session = { session: [] };
const security: Record<Audience, Record<string, string[]>[]> = {
  everyone: [],
  shopper: [session, { cart: [], orders: [] }, {}],
  account: [session],
  staff: [session],
};

const ofAudience: Record<Audience, ProblemCode[]> = {
  everyone: [],
  shopper: ['session-ended'],
  account: ['sign-in-needed', 'session-ended'],
  staff: [
    'sign-in-needed',
    'session-ended',
    'staff-only',
    'not-your-role',
    'second-factor-missing',
    'unknown-key',
    'missing-scope',
  ],
};

function describeUse({ summary, audience, request }: Facts): string {
  const key = takesIdempotencyKey(request)
    ? ' Sent again with its `Idempotency-Key` it has no second effect.'
    : '';
  return `${summary}. ${uses[audience]}${key}`;
}

const uses: Record<Audience, string> = {
  everyone: 'For everyone, signed in or not.',
  shopper: 'For guests and for who is signed in, each by their cookies.',
  account: 'Only for who is signed in.',
  staff: 'Only for accounts of the staff.',
};

type Facts = Pick<RouteConfig, 'method' | 'path' | 'request'> & RouteFacts;

function commonRefusals({ method, path, audience, request }: Facts): ProblemCode[] {
  const codes: ProblemCode[] = ['bad-request', ...ofAudience[audience], 'unavailable'];
  if (!isWrite(method)) return codes;
  codes.push('cross-site', 'body-too-large', 'unsupported-content-encoding');
  if (takesJson({ request, path })) codes.push('unsupported-media-type', 'invalid-body');
  if (takesIdempotencyKey(request)) codes.push('idempotency-key-reused');
  return codes;
}

function takesIdempotencyKey(request: RouteConfig['request']): boolean {
  return request?.headers instanceof z.ZodObject && 'idempotency-key' in request.headers.shape;
}

function isWrite(method: string): boolean {
  return method !== 'get';
}

export const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string().openapi({ description: 'The status in words' }),
    status: z.int().openapi({ description: 'The status of the answer' }),
    code: z.string().openapi({ description: 'Stable, made for programs: tell cases apart by it' }),
    detail: z.string().openapi({ description: 'A sentence for people; its words may change' }),
    faults: z
      .array(
        z
          .object({
            pointer: z.string().optional().openapi({
              description: 'JSON pointer (RFC 6901) to a place in the body, such as `#/shippingAddress/city`',
            }),
            parameter: z.string().optional().openapi({ description: 'Name of a parameter or header' }),
            field: z.string().openapi({ description: 'The same place with dots' }),
            message: z.string(),
          })
          .openapi('Fault'),
      )
      .optional()
      .openapi({ description: 'With `bad-request` and `invalid-body`: what is wrong, and where' }),
  })
  .openapi('Problem', { description: 'RFC 9457. There may be more members, each told with its code' });

function problemAnswers(codes: ProblemCode[]) {
  const byStatus = Map.groupBy(new Set(codes), (code) => problemCodes[code].status);
  const answers = [...byStatus]
    .sort(([one], [other]) => one - other)
    .map(([status, ofStatus]) => [status, problemAnswer(status, ofStatus)] as const);
  // Refusals that may occur before a route is known, or by a fault of the shop.
  const anywhere: ProblemCode[] = ['request-timeout', 'headers-too-large', 'internal'];
  return { ...Object.fromEntries(answers), default: problemAnswer(undefined, anywhere) };
}

function problemAnswer(status: number | undefined, codes: ProblemCode[]) {
  const code = growingEnumSchema(codes);
  return {
    description: codes.map((one) => `\`${one}\`: ${problemCodes[one].meaning}`).join('\n\n'),
    headers: headersOfAnswer(problemHeaders[status ?? 0] ?? []),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [{ $ref: '#/components/schemas/Problem' }, { type: 'object', properties: { code } }],
        },
        examples: Object.fromEntries(codes.map((one) => [one, { $ref: `#/components/examples/${one}` }])),
      },
    },
  };
}

const problemHeaders: Record<number, AnswerHeader[]> = {
  401: ['WWW-Authenticate', 'Set-Cookie'],
  415: ['Accept', 'Accept-Encoding'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

export function jsonAnswer<Schema extends z.ZodType>(
  description: string,
  schema: Schema,
  headers: AnswerHeader[] = [],
) {
  return {
    description,
    headers: headersOfAnswer(headers),
    content: { 'application/json': { schema } },
  };
}

/** @param name of the list's schema in the OpenAPI document */
export function listAnswer<Item extends z.ZodType>(description: string, item: Item, name: string) {
  return jsonAnswer(description, z.object({ items: z.array(item) }).openapi(name));
}

export function emptyAnswer(description: string, headers: AnswerHeader[] = []) {
  return { description, headers: headersOfAnswer(headers) };
}

/** A shared answer, and the 304 that confirms the client's copy. */
export function sharedAnswers<Schema extends z.ZodType>(description: string, schema: Schema) {
  const headers: AnswerHeader[] = ['ETag', 'Cache-Tag', 'Vary'];
  return {
    200: jsonAnswer(description, schema, headers),
    304: emptyAnswer('What `If-None-Match` names is still right', headers),
  };
}

export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { 'application/json': { schema } } };
}

/** A value of an answer that may get further values later, which clients must expect. */
export function growingEnum<const Value extends string>(values: Value[]): z.ZodType<Value> {
  // Schemas of answers only describe them. No answer is parsed by its schema.
  return z.string().openapi(growingEnumSchema(values)) as unknown as z.ZodType<Value>;
}

function growingEnumSchema(values: readonly string[]) {
  return { anyOf: [{ type: 'string' as const, enum: [...values] }, { type: 'string' as const }] };
}

/** An id of a row, `bigint` in the database. Any other text answers the same 404 as an unknown id. */
export const idPattern = /^[1-9]\d{0,17}$/;

export const Id = z.string().openapi({ description: 'Opaque', example: '42' });

/**
 * @returns the text of a list's cursor; undefined where it was changed. Decoding by itself passes over what is no
 * base64, and over loose bits at the end.
 */
export function decodeCursor(cursor: string): string | undefined {
  const bytes = Buffer.from(cursor, 'base64url');
  return bytes.toString('base64url') === cursor ? bytes.toString() : undefined;
}

/** Of a path that ends with the id. */
export const IdParams = z.object({ id: Id });

export const IdempotencyKeyHeader = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, { error: 'must be 1 to 200 printable characters without spaces' })
    .optional()
    .openapi({
      description:
        'Any 1 to 200 visible ASCII characters, best a new UUID for each thing to be done; quotation marks are part of it. ' +
        'The same key with the same request again gives the same result and no second effect, for 7 days. ' +
        'With another method, path or body it is refused. It belongs to the cart or account that the cookies name, or to the API key. ' +
        'Where it is left out, one is made; only an order needs one.',
      example: '3f0c2a9e-7d0b-4a58-9a54-0d0c6f2f2d55',
    }),
});

/** The ETag of the copy that the client has already. */
export const IfNoneMatchHeader = z.object({
  'if-none-match': z.string().optional().openapi({ description: '`ETag` of the answer that you have' }),
});

/** Parses the body as JSON in UTF-8 (RFC 8259, 8.1) before its schema does. @throws Refusal 400, 415 */
async function readJsonBody(c: Context<AppEnv>, next: Next): Promise<void> {
  const type = c.req.header('Content-Type');
  const bytes = await c.req.arrayBuffer();
  if (type === undefined && bytes.byteLength === 0) return next();
  if (!isJson(type ?? '')) throw unsupportedMediaType('application/json');
  const text = decodeUtf8(bytes);
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new Refusal(400, 'bad-request', 'The body is not valid JSON', { cause });
  }
  // The validator reads the body from the request once more.
  (c.req.bodyCache as Record<string, unknown>)['text'] = Promise.resolve(text);
  return next();
}

/** Webhooks of payment providers are read as the bytes that the provider signed. */
function takesJson({ request, path }: Pick<RouteConfig, 'request' | 'path'>): boolean {
  return request?.body !== undefined && !path.startsWith('/api/webhooks/');
}

function isJson(contentType: string): boolean {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  const charset = parameters.map((part) => part.trim()).find((part) => part.startsWith('charset='));
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  return /^application\/([\w.-]+\+)?json$/.test(type.trim()) && isUtf8;
}

function decodeUtf8(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal(400, 'bad-request', 'The body is not text in UTF-8', { cause });
  }
}
