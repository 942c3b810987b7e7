// The shopper's own address: the rightmost in X-Forwarded-For that is not one of our proxies, so that a forged header cannot choose it.
import { BlockList, isIP } from 'node:net';

export type ClientAddress = (socketAddress: string, forwardedFor: string | undefined) => string;

/** @param trustedProxies addresses or CIDRs of our own proxies */
export function createClientAddress(trustedProxies: string[]): ClientAddress {
  const trusted = new BlockList();
  for (const proxy of trustedProxies) {
    const [address = '', length] = proxy.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    trusted.addSubnet(
      address,
      length === undefined ? (family === 'ipv6' ? 128 : 32) : Number(length),
      family,
    );
  }
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

  return (socketAddress, forwardedFor) => {
    const peer = plain(socketAddress);
    if (trustedProxies.length === 0 || !isTrusted(peer)) return peer;
    const hops = (forwardedFor ?? '').split(',').map((hop) => plain(hop.trim()));
    let client = peer;
    for (const hop of hops.reverse()) {
      if (isIP(hop) === 0) return client;
      client = hop;
      if (!isTrusted(hop)) return client;
    }
    return client;
  };
}

/** IPv4 written as IPv6, as dual-stack sockets give it. */
function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
