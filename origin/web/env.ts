// Defines the types of the request context, and the scopes of API keys.
// The context has values for every handler, and values that a runtime passes with a request.

export interface AppEnv {
  Variables: {
    /** W3C trace context, passed on to jobs. */
    traceparent: string;
    /** The client's address; see client-address.ts. */
    clientAddress: string;
    startedAtMs: number;
    /** Code of the refusal that was answered, for the security log. */
    refusalCode: string | undefined;
    /** The API key of a program, which has the scope of the route. */
    apiKey: AdmittedKey | undefined;
  };
}

/** A member is absent where the runtime does not provide it. */
export interface RuntimeBindings {
  /** The request of Node's server. */
  incoming?: { socket: { remoteAddress?: string } };
  /** Remembers the cache key of a shared address, to answer it without the router from then on. */
  rememberWarmPage?: (key: string) => void;
  /** Number of waiting requests, if they are too many for this one to wait too; see concurrency/semaphore.ts. */
  waiting?: number;
}

// Scopes of API keys, and the key of the present request.

/** Each scope with a description for staff. */
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
