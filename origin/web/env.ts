// Types of the request context: what every handler finds on it, and what a runtime passes with a request.
import type { AdmittedKey } from './api/api-key-scopes.ts';

export interface AppEnv {
  Variables: {
    /** W3C trace context, passed on to jobs. */
    traceparent: string;
    /** The shopper's own address, see client-address.ts. */
    clientAddress: string;
    startedAtMs: number;
    /** Of a refusal that became an answer, for the security log. */
    refusalCode: string | undefined;
    /** Of a program that bears one; it has the scope that the route takes. */
    apiKey: AdmittedKey | undefined;
  };
}

/** Each member only where the runtime has it. */
export interface RuntimeBindings {
  /** Node's request. */
  incoming?: { socket: { remoteAddress?: string } };
  /** Deno's. */
  remoteAddr?: { hostname?: string };
  /** Takes note of the cache's key of what a shared address shows, to answer it without the router from then on. */
  rememberWarmPage?: (key: string) => void;
  /**
   * Requests that wait for their turn, where they are too many for this one to wait too; see
   * concurrency/semaphore.ts.
   */
  waiting?: number;
}
