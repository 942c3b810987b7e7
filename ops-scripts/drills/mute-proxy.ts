// A TCP proxy that can imitate a host that vanished: open connections get neither a byte nor a reset, and new ones go
// to the server that took over.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface MuteProxy extends AsyncDisposable {
  port: number;
  /** Silences every open connection for ever. */
  mute(): void;
  /** While true, new connections are accepted and silent too. */
  swallows: boolean;
  /** How many silent connections the other side still holds open. */
  silent(): number;
}

const againMs = 100;

/** @param target where connections go, as `host:port`. Each connection tries it again until a server listens there. */
export async function openMuteProxy(target: URL): Promise<MuteProxy> {
  const pairs = new Map<Socket, { isMute: boolean; upstream: Socket | undefined }>();
  const server = createServer((client) => void lead(client));

  const lead = async (client: Socket) => {
    const pair: { isMute: boolean; upstream: Socket | undefined } = {
      isMute: proxy.swallows,
      upstream: undefined,
    };
    pairs.set(client, pair);
    client.on('error', () => undefined);
    client.on('close', () => {
      pair.upstream?.destroy();
      pairs.delete(client);
    });
    // A host that vanished refuses nobody, so the client is kept waiting and is not refused.
    while (!client.destroyed && !pair.isMute) {
      const upstream = connect(Number(target.port), target.hostname);
      upstream.on('error', () => undefined);
      if (
        !(await once(upstream, 'connect').then(
          () => true,
          () => false,
        ))
      ) {
        await delay(againMs);
        continue;
      }
      pair.upstream = upstream;
      client.on('data', (bytes) => void (pair.isMute || upstream.write(bytes)));
      upstream.on('data', (bytes) => void (pair.isMute || client.write(bytes)));
      upstream.on('close', () => void (pair.isMute || client.destroy()));
      return;
    }
  };

  const proxy: MuteProxy = {
    port: 0,
    swallows: false,
    mute() {
      for (const pair of pairs.values()) pair.isMute = true;
    },
    silent: () => [...pairs.values()].filter(({ isMute }) => isMute).length,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const client of pairs.keys()) client.destroy();
    },
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  proxy.port = typeof address === 'object' && address !== null ? address.port : 0;
  return proxy;
}
