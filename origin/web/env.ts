// Types of the request context: what every handler finds on it, what a runtime passes with a request, and what an API
// key may be for.

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
  /** The request of Node's server. */
  incoming?: { socket: { remoteAddress?: string } };
  /** Takes note of the cache's key of what a shared address shows, to answer it without the router from then on. */
  rememberWarmPage?: (key: string) => void;
  /**
   * Requests that wait for their turn, where they are too many for this one to wait too; see
   * concurrency/bounds.ts.
   */
  waiting?: number;
}

// What an API key may be for, and a key whose request is under way.

/** Each with what it allows, in words for staff. */
export const apiKeyScopes = {
  'orders:read': 'See orders and their delivery, without the person',
  'orders:write': 'Ship, deliver, cancel, refund orders and receive returns',
  'customers:read': 'See names, addresses and e-mails of customers, also in orders',
  'catalog:read': 'Look up variants and see how far a change has come',
  'catalog:write': 'Change products',
  'stock:write': 'Set and add stock',
  'selling:read': 'See promotion codes and delivery methods',
  'selling:write': 'Change promotion codes and delivery methods',
  'events:read': 'Read what happened in the shop',
} as const;

export type ApiKeyScope = keyof typeof apiKeyScopes;

export const apiKeyScopeNames = Object.keys(apiKeyScopes) as ApiKeyScope[];

export interface AdmittedKey {
  id: string;
  name: string;
  scopes: ApiKeyScope[];
}
