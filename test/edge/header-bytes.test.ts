// What the edge is not asked to change passes as it came: bytes of header fields, several lines of one name, cookies
// one by one.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { sendRaw, serveEdge } from './support/server.ts';

const fields = [
  'X-Utf8: caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x91\x95',
  'X-Latin1: caf\xe9',
  'X-Tab: a\tb',
  'X-Quoted: "a, b", c;d="\\""',
  'X-Empty: ',
  'Link: </a>; rel=preload',
  'Link: </b>; rel=preload',
];

/** An origin that writes its bytes by hand, and tells what it was sent. */
async function startRawOrigin(head: string[], body = 'hello') {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.setEncoding('latin1').on('error', () => undefined);
    socket.on('data', (text: string) => {
      asked.push(text);
      const lines = [
        'HTTP/1.1 200 OK',
        `Date: ${new Date().toUTCString()}`,
        `Content-Length: ${body.length}`,
        ...head,
      ];
      socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

const ask = (url: string, more = '', method = 'GET') =>
  sendRaw(url, `${method} /page HTTP/1.1\r\nHost: shop.test\r\n${more}Connection: close\r\n\r\n`);

function valuesOf(answer: string, name: string): string[] {
  const lines = answer.split('\r\n\r\n', 1)[0]!.split('\r\n').slice(1);
  return lines
    .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    .map((line) => line.slice(name.length + 1).trim());
}

test.each(['no-store', 'max-age=60'])(
  'fields of an answer with %s keep their bytes, asked once and again',
  async (control) => {
    await using origin = await startRawOrigin([...fields, `Cache-Control: ${control}`]);
    await using edge = await serveEdge(origin.url);
    for (const method of ['GET', 'GET', 'HEAD']) {
      const answer = await ask(edge.url, '', method);
      const sent = new Map<string, string[]>();
      for (const field of fields) {
        const [name, value] = [
          field.slice(0, field.indexOf(':')),
          field.slice(field.indexOf(':') + 1).trim(),
        ];
        sent.set(name, [...(sent.get(name) ?? []), value]);
      }
      for (const [name, values] of sent)
        expect([name, valuesOf(answer, name).join(', ')]).toEqual([name, values.join(', ')]);
    }
    expect(origin.asked.length).toBe(control === 'no-store' ? 3 : 1);
  },
);

test('fields of a request keep their bytes', async () => {
  await using origin = await startRawOrigin(['Cache-Control: no-store']);
  await using edge = await serveEdge(origin.url);
  await ask(edge.url, `${fields.join('\r\n')}\r\n`);
  for (const name of ['X-Utf8', 'X-Latin1', 'X-Tab', 'X-Quoted'])
    expect(valuesOf(origin.asked[0]!, name)).toEqual([
      fields.find((field) => field.startsWith(name))!.slice(name.length + 2),
    ]);
});

test('cookies that an answer sets are lines of their own, and go to nobody but the client that they were set for', async () => {
  await using origin = await startRawOrigin([
    'Set-Cookie: sid=first; Path=/',
    'Set-Cookie: other=a, b; Path=/',
    'Cache-Control: public, max-age=60',
  ]);
  await using edge = await serveEdge(origin.url);
  expect(valuesOf(await ask(edge.url), 'Set-Cookie')).toHaveLength(2);
  // Somebody who has cookies already, and somebody who says to be the first.
  for (const more of ['Cookie: sid=second\r\n', 'Cookie: a=b\r\nX-Forwarded-For: 127.0.0.1\r\n']) {
    const answer = await ask(edge.url, more);
    expect(valuesOf(answer, 'Cache-Status')[0]).not.toMatch(/hit/);
  }
});

test('an answer with cookies that one address caused is not given to another', async () => {
  await using origin = await startRawOrigin(['Set-Cookie: sid=mine', 'Cache-Control: public, max-age=60']);
  await using edge = await serveEdge(origin.url);
  const from = async (clientAddress: string) => {
    const answer = await edge.edge.app.request('http://shop.test/page', {}, { clientAddress });
    return answer.headers.get('cache-status');
  };
  expect(await from('192.0.2.1')).toMatch(/stored/);
  expect(await from('192.0.2.1')).toMatch(/hit/);
  expect(await from('192.0.2.2')).not.toMatch(/hit/);
});

test.each([
  ['no-cache="X-Once"', 'max-age=60, no-cache="X-Once"'],
  ['no-cache of several fields, in any case', 'no-cache="x-ONCE, X-Utf8" , max-age=60'],
  ['private of a field', 'max-age=60, private="x-once"'],
  ['private of a cookie', 'public, max-age=60, private="Set-Cookie, X-Once"'],
])('an answer with %s is kept without that field', async (_what, control) => {
  await using origin = await startRawOrigin([
    'X-Once: 1',
    'X-Utf8: \xc3\xa9',
    'X-Kept: 2',
    `Cache-Control: ${control}`,
    ...(control.includes('Set-Cookie') ? ['Set-Cookie: sid=mine'] : []),
  ]);
  await using edge = await serveEdge(origin.url);
  expect(valuesOf(await ask(edge.url), 'X-Once')).toEqual(['1']);
  const again = await ask(edge.url);
  expect(valuesOf(again, 'Cache-Status')[0]).toMatch(/hit/);
  expect(valuesOf(again, 'X-Kept')).toEqual(['2']);
  expect(valuesOf(again, 'X-Once')).toEqual([]);
  expect(valuesOf(again, 'Set-Cookie')).toEqual([]);
  expect(origin.asked).toHaveLength(1);
});

test.each(['max-age=60, private, private="x"', 'max-age=60, private="x", private'])(
  'an answer that is private whole and in part (%s) is not kept',
  async (control) => {
    await using origin = await startRawOrigin([`Cache-Control: ${control}`]);
    await using edge = await serveEdge(origin.url);
    await ask(edge.url);
    await ask(edge.url);
    expect(origin.asked).toHaveLength(2);
  },
);
