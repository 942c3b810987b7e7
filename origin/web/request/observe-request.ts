// Gives each request its trace and the client's address, and each answer its common headers; counts and times it.
import type { Context, MiddlewareHandler } from 'hono';
import { createClientAddress } from '../../../http/client-address.ts';
import type { Deps } from '../../deps.ts';
import type { AppEnv, RuntimeBindings } from '../env.ts';
import { createFinishResponse } from '../response-headers.ts';
import { readTrace } from './trace.ts';

export function observeRequest(deps: Pick<Deps, 'settings' | 'countAnswer'>): MiddlewareHandler<AppEnv> {
  const clientAddress = createClientAddress(deps.settings.trustedProxies);
  const finish = createFinishResponse(deps.settings);
  return async (c, next) => {
    const startedAtMs = performance.now();
    c.set('startedAtMs', startedAtMs);
    c.set('traceparent', readTrace(c.req.header('traceparent')));
    c.set('clientAddress', clientAddress(socketAddress(c), c.req.header('X-Forwarded-For')));
    await next();
    // Not assigned: that would copy the response and every header of it.
    finish(c.res, startedAtMs);
    deps.countAnswer(c.res.status, startedAtMs);
  };
}

/** Empty where the runtime does not tell, as in `app.request()`. */
function socketAddress(c: Context<AppEnv>): string {
  const bindings = (c.env ?? {}) as RuntimeBindings;
  return bindings.incoming?.socket.remoteAddress ?? bindings.remoteAddr?.hostname ?? '';
}
