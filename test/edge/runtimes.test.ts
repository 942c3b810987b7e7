// One edge, three runtimes: the same shop is browsed and purged under Node, Deno and workerd.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { describe, expect, test } from 'vitest';
import { signPurge } from '../../http/purge-signature.ts';
import { purgeKey } from './support/edge.ts';
import { type Origin, startOrigin } from './support/origin.ts';

interface Running extends AsyncDisposable {
  url: string;
  child?: ChildProcess;
}
const root = join(import.meta.dirname, '../..');
const main = join(root, 'edge/main.ts');

const runtimes: Record<string, (originUrl: string) => Promise<Running>> = {
  Node: (originUrl) => runProcess(process.execPath, [main], originUrl),
  Deno: (originUrl) => runProcess('deno', ['task', 'edge'], originUrl),
  workerd: runWorkerd,
};

describe.each(Object.keys(runtimes))('under %s', (name) => {
  test('a page is fetched once, served with its age, and never again below its floor', async () => {
    let version = 1;
    await using origin = await startOrigin((_request, response) => {
      const headers = {
        'cache-tag': `product:42@${version}`,
        'cdn-cache-control': 'max-age=60',
        etag: `"v${version}"`,
      };
      response.writeHead(200, headers).end(`v${version}`);
    });
    await using edge = await runtimes[name]!(origin.url);
    await purge(edge, {});
    await (await fetch(`${edge.url}/p/shirt`)).text();
    const hit = await fetch(`${edge.url}/p/shirt`);
    expect(await hit.text()).toBe('v1');
    expect(hit.headers.get('cache-status')).toMatch(/^edge; hit/);
    expect(Number(hit.headers.get('age'))).toBeLessThan(60);
    expect(
      (
        await fetch(`${edge.url}/p/shirt`, {
          headers: { 'if-none-match': '"v1"', 'cache-control': 'max-age=60' },
        })
      ).status,
    ).toBe(304);
    expect(origin.asked).toHaveLength(1);
    version = 2;
    await purge(edge, { 'product:42': 2 });
    expect(await (await fetch(`${edge.url}/p/shirt`)).text()).toBe('v2');
  });
});

test('a request that two servers could read in two ways is refused', async () => {
  await using origin: Origin = await startOrigin((_request, response) => response.end('reached'));
  await using edge = await runtimes.Node!(origin.url);
  const starts = [
    'POST /cart HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST /cart HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
    'POST /cart HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    'GET /cart HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'GET http://other.test/ HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost : a\r\n\r\n',
  ];
  for (const start of starts) expect(await sendRaw(edge.url, start), start).toMatch(/^HTTP\/1\.1 400/);
  expect(origin.asked).toHaveLength(0);
});

test('told to stop, the edge ends what it has begun and exits with 0', async () => {
  let release: () => void = () => undefined;
  await using origin = await startOrigin((_request, response) => (release = () => response.end('whole')));
  await using edge = await runtimes.Node!(origin.url);
  const answer = fetch(`${edge.url}/slow`);
  await expect.poll(() => origin.asked.length).toBe(1);
  edge.child!.kill('SIGTERM');
  release();
  expect(await (await answer).text()).toBe('whole');
  const [code] = edge.child!.exitCode === null ? await once(edge.child!, 'exit') : [edge.child!.exitCode];
  expect(code).toBe(0);
});

/** Said again where it came late, as the worker does: a word more than a second old renews nothing. */
async function purge(edge: Running, tags: Record<string, number>): Promise<void> {
  const body = JSON.stringify({ tags });
  const say = async () => {
    const headers = { 'purge-signature': await signPurge(purgeKey, body, Date.now()) };
    const answer = await fetch(`${edge.url}/.edge/purge`, { method: 'POST', body, headers });
    return { status: answer.status, ...((await answer.json()) as { renewed?: boolean }) };
  };
  await expect.poll(say, { timeout: 20_000 }).toMatchObject({ status: 200, renewed: true });
}

async function runProcess(command: string, args: string[], originUrl: string): Promise<Running> {
  const env = {
    ...process.env,
    ORIGIN_URL: originUrl,
    EDGE_PORT: '0',
    EDGE_PURGE_KEY: purgeKey,
    EDGE_LEASE_SECONDS: '30',
  };
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface(child.stdout)) {
    const { url } = JSON.parse(line) as { url?: string };
    if (url !== undefined) {
      const stop = async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        // A task cannot hand on SIGKILL to what it runs.
        child.kill('SIGTERM');
        await once(child, 'exit');
      };
      return { url, child, [Symbol.asyncDispose]: stop };
    }
  }
  throw new Error(`The edge under ${command} did not start`);
}

async function runWorkerd(originUrl: string): Promise<Running> {
  const bundle = await build({
    entryPoints: [join(root, 'edge/workerd.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    external: ['node:*'],
  });
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'edge.mjs', contents: bundle.outputFiles[0]!.text }],
    compatibilityFlags: ['nodejs_compat'],
    compatibilityDate: '2026-01-01',
    bindings: { ORIGIN_URL: originUrl, EDGE_PURGE_KEY: purgeKey, EDGE_LEASE_SECONDS: '30' },
  });
  const url = await miniflare.ready;
  return { url: url.origin, [Symbol.asyncDispose]: () => miniflare.dispose() };
}

function sendRaw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.setEncoding('latin1').on('error', reject);
    socket.on('data', (chunk: string) => {
      answer += chunk;
      if (answer.includes('\r\n')) socket.destroy();
    });
    socket.on('close', () => resolve(answer));
  });
}
