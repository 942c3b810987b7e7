// What edge and origin read alike: encodings that a client takes, whose address stands behind our proxies, which answer
// it has, and bytes that are no request.
import { once } from 'node:events';
import { Duplex, PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createClientAddress, isAddressOrCidr } from '../../http/client-address.ts';
import { chooseEncoding, matchesEntityTag } from '../../http/negotiation.ts';
import {
  answerOnSocket,
  canStillAnswer,
  makeProblem,
  statusOfUnreadable,
} from '../../http/problem-document.ts';

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

test.each([
  ['"a"', '"a"', true, 'the one tag that browsers send'],
  ['"b", "a"', '"a"', true, 'one of several'],
  ['W/"a"', '"a"', true, 'a weak tag of a strong one'],
  ['"a"', 'W/"a"', true, 'a strong tag of a weak one'],
  ['W/"a"', 'W/"a"', true, 'a weak tag of itself'],
  ['"x,y"', '"x,y"', true, 'a comma within its quotes'],
  ['"b", "x,y"', '"x,y"', true, 'a comma within quotes behind another tag'],
  ['"x,"a",y"', '"z"', false, 'quotes that do not fit'],
  [' * ', '"a"', true, 'a star alone'],
  ['*', null, true, 'a star, though the answer has no tag'],
  ['"b", *', '"a"', false, 'a star among tags, which is no tag'],
  ['"a', '"a"', false, 'a tag without its end'],
  ['a', '"a"', false, 'a tag without quotes'],
  ['"a"', '"a-br"', false, 'the tag of another encoding'],
  ['', '"a"', false, 'an empty field'],
  [null, '"a"', false, 'no field'],
  ['"a"', null, false, 'an answer without a tag'],
])('If-None-Match %j of an answer with the tag %j: %s, %s', (field, etag, expected, _what) => {
  expect(matchesEntityTag(field, etag)).toBe(expected);
});

test('A request that is no request has one status, whoever reads it', () => {
  const of = (code: string) => statusOfUnreadable(Object.assign(new Error(), { code }));
  expect(of('HPE_HEADER_OVERFLOW')).toBe(431);
  expect(of('ERR_HTTP_REQUEST_TIMEOUT')).toBe(408);
  expect(of('HPE_INVALID_METHOD')).toBe(400);
  expect(statusOfUnreadable(new Error('without a code'))).toBe(400);
});

test('An answer on a bare socket is whole: date, length in bytes, and the end of the connection', async () => {
  const written: Buffer[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk);
      done();
    },
  });
  const body = JSON.stringify(makeProblem({ title: 'Bad request', status: 400, code: 'bad', detail: 'né' }));
  answerOnSocket(socket, { status: 400, headers: new Headers({ 'Served-By': 'a/b' }), body });
  await once(socket, 'close');
  const [head = '', received] = Buffer.concat(written).toString().split('\r\n\r\n');
  expect(received).toBe(body);
  expect(head.split('\r\n')).toEqual([
    'HTTP/1.1 400 Bad Request',
    expect.stringMatching(/^date: \w{3}, \d\d .* GMT$/),
    'served-by: a/b',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]);
});

test('Nobody is answered whose connection is gone', () => {
  const gone = new PassThrough();
  expect(canStillAnswer(Object.assign(new Error(), { code: 'ECONNRESET' }), gone)).toBe(false);
  expect(gone.destroyed).toBe(true);
  expect(canStillAnswer(new Error('broken bytes'), new PassThrough())).toBe(true);
});
