// Finds the client's address: the rightmost address of X-Forwarded-For that is not a trusted proxy.
// A client that forges the header cannot choose it.
import { BlockList, isIP } from 'node:net';

export type ClientAddress = (socketAddress: string, forwardedFor: string | undefined) => string;

/**
 * @param trustedProxies addresses or CIDRs of our own proxies
 * @throws where an entry is neither
 */
export function createClientAddress(trustedProxies: string[]): ClientAddress {
  const trusted = new BlockList();
  for (const proxy of trustedProxies) {
    const [address = '', bits] = proxy.split('/');
    if (bits === undefined) trusted.addAddress(address, familyOf(address));
    else trusted.addSubnet(address, Number(bits), familyOf(address));
  }
  return (socketAddress, forwardedFor) => {
    let client = plain(socketAddress);
    // Empty list members are ignored (RFC 9110, 5.6.1). A member that is no address was not written by a trusted
    // proxy.
    const hops = (forwardedFor ?? '').split(',').map((hop) => plain(hop.trim()));
    for (const hop of hops.filter((hop) => hop !== '').reverse()) {
      if (isIP(client) === 0 || !trusted.check(client, familyOf(client)) || isIP(hop) === 0) return client;
      client = hop;
    }
    return client;
  };
}

export function isAddressOrCidr(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

/** Converts IPv4 in IPv6 notation, as dual-stack sockets give it, to plain IPv4. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/** The unit that counts as one client: an IPv4 address, or an IPv6 network (/64), which one customer has. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('%')[0]!.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : Math.max(0, 8 - groups.length - last.length);
  const all = [...groups, ...Array.from({ length: gap }, () => '0'), ...last];
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
