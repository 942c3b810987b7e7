// The address for URLs that reaches a server listening on a given HOST of this machine.

/** Listening everywhere is asked on the loopback address. */
const loopbackOf: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** @returns such as `127.0.0.1`, `[::1]` or `shop.test`. */
export function ownAddress(host: string): string {
  const address = loopbackOf[host] ?? host;
  return address.includes(':') ? `[${address}]` : address;
}
