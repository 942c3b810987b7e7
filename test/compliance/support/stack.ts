// The changes that a case may make to the sound stack. An account, a template and a plan each implement them.
export type PartName = 'balancer' | 'group' | 'cache' | 'database';
export type GroupName = 'web' | 'app' | 'store' | 'data' | 'other';
export type Zone = 'a' | 'b' | 'c';

export interface Opening {
  from: number;
  to?: number;
  /** Default `tcp`; `-1` is every protocol. */
  protocol?: string;
  cidr?: string;
  cidrIpv6?: string;
  group?: GroupName | 'sg-elsewhere';
  prefixList?: string[];
}

/** The properties that hardening requires. The sound stack has all of them. */
export interface Hardening {
  database?: {
    public?: boolean;
    encrypted?: boolean;
    backupDays?: number;
    isProtected?: boolean;
    logs?: string[];
  };
  balancer?: { isProtected?: boolean; logs?: boolean; policy?: string; plain?: boolean };
  cache?: { encrypted?: boolean; tls?: boolean; mode?: 'required' | 'preferred'; token?: boolean };
  /** `HttpTokens` of new instances. */
  tokens?: 'required' | 'optional';
}

export interface Stack {
  harden(changes: Hardening): void;
  allow(group: GroupName, opening: Opening): void;
  /** Removes the rule that begins at this port. */
  close(group: GroupName, port: number): void;
  /** Adds a machine beside the stack that has these groups. */
  addMachine(groups: GroupName[]): void;
  attach(part: PartName, groups: GroupName[]): void;
  place(part: PartName, zones: Zone[]): void;
  resize(minSize: number): void;
  listen(ports: number[]): void;
  cache(changes: { multiAz?: boolean; failover?: boolean; zones?: Zone[]; port?: number }): void;
  database(changes: { multiAz?: boolean; port?: number }): void;
}
