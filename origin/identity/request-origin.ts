// Reads where an account request comes from: cookies, address, device and idempotency key.
import type { Context } from 'hono';
import type { AppEnv } from '../web/env.ts';

export interface RequestOrigin {
  cookieHeader: string | undefined;
  /** For rate limits. */
  address: string;
  /** User-Agent, shown in the list of devices. */
  device: string;
  idempotencyKey: string | undefined;
}

/** @param idempotencyKey of the header, or of a form's hidden field */
export function requestOriginOf(c: Context<AppEnv>, idempotencyKey: string | undefined): RequestOrigin {
  return {
    cookieHeader: c.req.header('Cookie'),
    address: c.get('clientAddress'),
    device: (c.req.header('User-Agent') ?? '').toWellFormed(),
    idempotencyKey,
  };
}
