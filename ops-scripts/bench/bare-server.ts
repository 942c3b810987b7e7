// Bare node:http server that writes the same bytes and headers as a page: the limit that pages are measured against.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get } from 'node:http';

export interface BareServer extends AsyncDisposable {
  url: string;
  pid: number;
}

/** Fetches `url` once, then starts a process that answers just that to every request. */
export async function startBareServer(url: string, headers: Record<string, string>): Promise<BareServer> {
  const response = await fetch(url, { headers });
  const raw = Buffer.from(await (await fetchRaw(url, headers)).arrayBuffer());
  const child = spawn(process.execPath, [import.meta.filename], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const kept = [...response.headers].filter(
    ([name]) => !['connection', 'keep-alive', 'date', 'transfer-encoding', 'content-length'].includes(name),
  );
  child.send({ headers: kept, body: raw.toString('base64') });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    url: `http://127.0.0.1:${port}/`,
    pid: child.pid!,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** The body as it crosses the wire: fetch would decode it, so it is asked for once more by node:http. */
async function fetchRaw(url: string, headers: Record<string, string>): Promise<Response> {
  return new Promise((resolve, reject) => {
    get(url, { headers }, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      resolve(new Response(Buffer.concat(chunks)));
    }).on('error', reject);
  });
}

function answerAll(message: { headers: [string, string][]; body: string }): void {
  const body = Buffer.from(message.body, 'base64');
  const headers = { ...Object.fromEntries(message.headers), 'content-length': body.length };
  const server = createServer((_request, response) => {
    response.writeHead(200, headers);
    response.end(body);
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address !== null && typeof address === 'object') process.send?.({ port: address.port });
  });
}

if (process.argv[1] === import.meta.filename) process.once('message', answerAll);
