// What edge and origin read alike: the encodings that a client takes, and whose address stands behind our proxies.
import { expect, test } from 'vitest';
import { chooseEncoding } from '../../http/accept-encoding.ts';
import { createClientAddress, isAddressOrCidr } from '../../http/client-address.ts';

test.each([
  [undefined, 'identity'],
  ['', 'identity'],
  ['br', 'br'],
  ['gzip', 'gzip'],
  ['gzip, deflate, br', 'br'],
  ['gzip;q=1, br;q=0.1', 'gzip'],
  ['br;q=0.1, gzip;q=0.1', 'br'],
  ['br;q=0', 'identity'],
  ['br;q=0, gzip', 'gzip'],
  ['*', 'br'],
  ['*;q=0', 'identity'],
  ['gzip, *;q=0', 'gzip'],
  ['*, br;q=0', 'gzip'],
  ['*;q=0.5, gzip;q=1', 'gzip'],
  ['identity', 'identity'],
  ['identity;q=1, br;q=0.5', 'identity'],
  ['identity;q=0.5, br', 'br'],
  ['BR ; Q=0.5', 'br'],
  ['x-gzip', 'gzip'],
  ['gzip;q=nonsense', 'identity'],
  ['gzip;q=', 'identity'],
  ['gzip;level=9;q=0', 'identity'],
  [', ,gzip,', 'gzip'],
])('of Accept-Encoding %j a client gets %s', (accepted, expected) => {
  expect(chooseEncoding(accepted)).toBe(expected);
});

test('an encoding that there is no body of is passed over', () => {
  expect(chooseEncoding('br, gzip', { gzip: true })).toBe('gzip');
  expect(chooseEncoding('br', { gzip: true })).toBe('identity');
});

const ours = createClientAddress(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);
test.each([
  ['203.0.113.9', '1.2.3.4', '203.0.113.9', 'a peer that is no proxy of ours is the client'],
  ['10.0.0.1', undefined, '10.0.0.1', 'a proxy without the field stands for itself'],
  ['10.0.0.1', '1.2.3.4', '1.2.3.4', 'what our proxy wrote is the client'],
  ['10.0.0.1', '1.2.3.4, ', '1.2.3.4', 'an empty member is none'],
  ['10.0.0.1', ' , 1.2.3.4,,', '1.2.3.4', 'several empty members are none'],
  ['10.0.0.1', '6.6.6.6, 1.2.3.4', '1.2.3.4', 'what a client wrote itself does not count'],
  ['10.0.0.1', '1.2.3.4, 10.9.9.9, 192.0.2.7', '1.2.3.4', 'all of our proxies are passed over'],
  ['10.0.0.1', '1.2.3.4, unknown', '10.0.0.1', 'what is no address ends the chain'],
  ['::ffff:10.0.0.1', '::ffff:1.2.3.4', '1.2.3.4', 'IPv4 in IPv6 is IPv4'],
  ['fd00::1', '2001:db8::5', '2001:db8::5', 'IPv6 is read as well'],
  ['', '1.2.3.4', '', 'a peer without an address is no proxy'],
])('behind %s with X-Forwarded-For %j it is %s: %s', (peer, forwarded, expected, _what) => {
  expect(ours(peer, forwarded)).toBe(expected);
});

test('addresses and CIDRs are told from what is neither', () => {
  for (const text of ['10.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8'])
    expect([text, isAddressOrCidr(text)]).toEqual([text, true]);
  for (const text of ['', 'host', '10.0.0.0/33', '10.0.0.0/8/8', '::/129', '10.0.0.0/x'])
    expect([text, isAddressOrCidr(text)]).toEqual([text, false]);
});
