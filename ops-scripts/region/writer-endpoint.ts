// The fixed address that leads to a store's present primary, like the DNS name of a managed store.
export interface WriterEndpoint {
  /** The address for clients; it never changes. */
  url: string;
  /**
   * Leads new sessions to the named member and cuts all others, old ones to the same member included; undefined: to
   * nobody.
   * Sessions are cut when it resolves.
   */
  pointTo(member: string | undefined): Promise<void>;
}
