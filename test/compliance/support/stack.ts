// What a case may change of the sound stack, said once; an account and a template each carry it out in their own words.
export type PartName = 'balancer' | 'group' | 'cache' | 'database';
export type GroupName = 'web' | 'app' | 'store' | 'data' | 'other';
export type Zone = 'a' | 'b' | 'c';

export interface Opening {
  from: number;
  to?: number;
  /** Default `tcp`; `-1` is everything. */
  protocol?: string;
  cidr?: string;
  cidrIpv6?: string;
  group?: GroupName | 'sg-elsewhere';
  prefixList?: string[];
}

/** What hardening asks for; the sound stack has all of it. */
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
  /** Takes away the rule that begins at this port. */
  close(group: GroupName, port: number): void;
  /** A machine beside the stack that has these groups. */
  addMachine(groups: GroupName[]): void;
  attach(part: PartName, groups: GroupName[]): void;
  place(part: PartName, zones: Zone[]): void;
  resize(minSize: number): void;
  listen(ports: number[]): void;
  cache(changes: { multiAz?: boolean; failover?: boolean; zones?: Zone[]; port?: number }): void;
  database(changes: { multiAz?: boolean; port?: number }): void;
}
