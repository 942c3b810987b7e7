// The traffic of a rule: one protocol with a range of ports, or everything.

export interface Traffic {
  /** `tcp`, `udp`, `icmp`, `icmpv6`, a protocol's number, or `all`. */
  readonly protocol: string;
  /** Inclusive; 0 to 65535 where the protocol has no ports. */
  readonly fromPort: number;
  readonly toPort: number;
}

const protocolNames: Record<string, string> = {
  '-1': 'all',
  '6': 'tcp',
  '17': 'udp',
  '1': 'icmp',
  '58': 'icmpv6',
};

/** Reads a rule's IpProtocol, FromPort and ToPort as EC2 means them: `-1` is everything, no ports are all ports. */
export function toTraffic(ipProtocol: string, fromPort?: number, toPort?: number): Traffic {
  const protocol = protocolNames[String(ipProtocol).toLowerCase()] ?? String(ipProtocol).toLowerCase();
  if (protocol !== 'tcp' && protocol !== 'udp') return { protocol, fromPort: 0, toPort: 65_535 };
  if (fromPort === undefined || fromPort === -1) return { protocol, fromPort: 0, toPort: 65_535 };
  return { protocol, fromPort: Number(fromPort), toPort: Number(toPort ?? fromPort) };
}

/** Whether the rule lets a connection to this port through. */
export function covers(traffic: Traffic, protocol: string, port: number): boolean {
  return (
    (traffic.protocol === 'all' || traffic.protocol === protocol) &&
    traffic.fromPort <= port &&
    port <= traffic.toPort
  );
}

/** What stands for a port that is not known: then nothing is excess for its port. */
export function everyPort(): Set<number> {
  return new Set(Array.from({ length: 65_536 }, (_, port) => port));
}

/** Whether the rule lets through anything beyond these ports of this protocol. */
export function exceeds(
  traffic: Traffic,
  protocols: ReadonlySet<string>,
  ports: ReadonlySet<number>,
): boolean {
  if (!protocols.has(traffic.protocol)) return true;
  // A range wider than the ports that are allowed must hold one that is not.
  if (traffic.toPort - traffic.fromPort >= ports.size) return true;
  for (let port = traffic.fromPort; port <= traffic.toPort; port += 1) if (!ports.has(port)) return true;
  return false;
}

export function formatTraffic({ protocol, fromPort, toPort }: Traffic): string {
  if (protocol === 'all') return 'all traffic';
  if (fromPort === 0 && toPort === 65_535) return `all ${protocol}`;
  return fromPort === toPort ? `${protocol} ${fromPort}` : `${protocol} ${fromPort}-${toPort}`;
}
