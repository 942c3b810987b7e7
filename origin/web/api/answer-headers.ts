// Describes the headers of answers for the OpenAPI document.

interface HeaderMeaning {
  description: string;
  example: string;
  /** Whether every answer that lists the header has it. */
  required?: true;
  type?: 'integer';
}

const onEveryAnswer = {
  'Cache-Control': {
    description: '`private, no-store` on all that is personal',
    example: 'private, no-store',
    required: true,
  },
  'Cache-Status': {
    description: 'What the caches named `origin` and `edge` did (RFC 9211)',
    example: 'origin; fwd=bypass',
    required: true,
  },
  'Served-By': { description: 'Zone and instance that answered', example: 'a/origin-a1', required: true },
  'Server-Timing': {
    description: 'How long the origin took, in milliseconds',
    example: 'app;dur=3.4',
    required: true,
  },
} as const satisfies Record<string, HeaderMeaning>;

const onSome = {
  Accept: { description: 'The type that a body needs here', example: 'application/json' },
  'Accept-Encoding': { description: 'The content encoding that a body may have', example: 'identity' },
  'Account-Name': {
    description:
      'First name of whoever is signed in, percent-encoded; for headings of pages that know nobody',
    example: 'Ada',
  },
  'Cache-Tag': {
    description: 'What the answer depends on, each with its version',
    example: 'product:42@17 stock:7@3',
    required: true,
  },
  'Content-Disposition': {
    description: 'A name for the file',
    example: 'attachment; filename="myclothes-account.json"',
    required: true,
  },
  ETag: {
    description: 'For `If-None-Match` and `If-Match`',
    example: '"kVpr0sSDmZk2vDPnIbJpGw"',
    required: true,
  },
  Location: { description: 'Address of what was made', example: '/api/orders/42', required: true },
  'Preference-Applied': {
    description: 'How long the change was waited for, where `Prefer: wait` asked: at most 5 seconds',
    example: 'wait=5',
  },
  'Retry-After': { description: 'Seconds', example: '1', type: 'integer' },
  'Set-Cookie': {
    description: 'Cookies to send from now on, each in a field of its own; keep them as they are',
    example: '__Host-cart=…; Path=/; Secure; HttpOnly; SameSite=Lax',
  },
  Vary: {
    description: 'What of the request the answer depends on',
    example: 'Accept-Encoding',
    required: true,
  },
  'WWW-Authenticate': {
    description: 'Sign in by `POST /api/sessions`; the session is a cookie',
    example: 'Cookie realm="MyClothes.com", form-action="/sign-in", cookie-name="__Host-session"',
    required: true,
  },
} as const satisfies Record<string, HeaderMeaning>;

export type AnswerHeader = keyof typeof onSome;

/** References to the headers of every answer, and to `names`. */
export function headersOfAnswer(names: AnswerHeader[]): Record<string, { $ref: string }> {
  const all = [...names, ...Object.keys(onEveryAnswer)];
  return Object.fromEntries(all.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Each header as a component of the document. */
export function headerComponents() {
  const all: [string, HeaderMeaning][] = Object.entries({ ...onEveryAnswer, ...onSome });
  return all.map(([name, { description, example, required = false, type = 'string' as const }]) => ({
    name,
    header: {
      description,
      required,
      schema: { type },
      example: type === 'integer' ? Number(example) : example,
    },
  }));
}
