// Who the client is: the rightmost address of X-Forwarded-For that is not one of our own proxies.
import { BlockList, isIP, isIPv6 } from 'node:net';

/** @throws where an entry is neither an address nor a CIDR. */
export function trustProxies(proxies: string[]): (peer: string, forwardedFor: string | undefined) => string {
  const trusted = new BlockList();
  for (const proxy of proxies) {
    const [address = '', bits] = proxy.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  const isOurs = (address: string) => trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  return (peer, forwardedFor) => {
    const chain = [
      ...(forwardedFor ?? '')
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean),
      plain(peer),
    ];
    let client = plain(peer);
    for (const address of chain.toReversed()) {
      if (isIP(plain(address)) === 0) break;
      client = plain(address);
      if (!isOurs(client)) break;
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

function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}
