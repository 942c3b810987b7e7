// What every handler finds on its context.
export interface AppEnv {
  Variables: {
    requestId: string;
    /** W3C trace context, passed on to jobs. */
    traceparent: string;
    /** The shopper's own address, see client-address.ts. */
    clientAddress: string;
    startedAtMs: number;
  };
}
