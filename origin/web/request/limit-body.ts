// Refuses a body that is too long or encoded, before anything reads it.
import type { Context, MiddlewareHandler, Next } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { Refusal } from '../../errors.ts';

const withoutBody = new Set(['GET', 'HEAD']);

/**
 * Where the length is announced the server itself holds the client to it, so the announcement is all that must be
 * looked at. The library asks the request for its `body` first, for which Node's adapter builds a whole web request
 * with a stream, most of what a small write cost.
 * @throws Refusal 413 `body-too-large`
 */
export function limitBody(maxBytes: number): MiddlewareHandler {
  const refuse = () => {
    throw new Refusal(413, 'body-too-large', `A request body has at most ${maxBytes} bytes`);
  };
  const whileReading = bodyLimit({ maxSize: maxBytes, onError: refuse });
  return (c: Context, next: Next) => {
    if (withoutBody.has(c.req.method)) return next();
    const announced = c.req.header('Content-Length');
    if (announced === undefined || c.req.header('Transfer-Encoding') !== undefined)
      return whileReading(c, next);
    return Number(announced) > maxBytes ? refuse() : next();
  };
}

/**
 * Bodies are short: nothing here decodes them, and an encoded one read as it comes would be called malformed.
 * @throws Refusal 415 `unsupported-content-encoding`, with the encoding that is read (RFC 9110, 12.5.3)
 */
export async function refuseEncodedBody(c: Context, next: Next): Promise<void> {
  const codings = c.req.header('Content-Encoding')?.split(',') ?? [];
  const isEncoded = codings.some((coding) => !['', 'identity'].includes(coding.trim().toLowerCase()));
  if (isEncoded && !withoutBody.has(c.req.method)) {
    const message = 'Send the body as it is, without Content-Encoding';
    throw new Refusal(415, 'unsupported-content-encoding', message, {
      headers: { 'Accept-Encoding': 'identity' },
    });
  }
  await next();
}
