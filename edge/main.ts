// Runs the edge under Node or Deno until told to stop; then answers what it has begun, within ten seconds.
import process from 'node:process';
import { createEdge } from './app.ts';
import { findDoubts, readEdgeConfig } from './config.ts';
import { openDiskStore } from './disk-store.ts';
import { trustProxies } from './http/client-address.ts';
import { createMetricsServer } from './metrics-server.ts';
import { createEdgeServer } from './reply/serve-node.ts';
import { createMemoryStore, type Store } from './store.ts';
import { createNodeUpstream } from './upstream/upstream-node.ts';

const maxStoreBytes = 256_000_000;
const maxDiskBytes = 4_000_000_000;
const drainMs = 8_000;

const config = readConfig();
for (const doubt of findDoubts(config)) console.error(doubt);
const edge = createEdge({
  store: await openStore(config.storeFolder),
  upstream: createNodeUpstream({
    originUrl: config.originUrl,
    timeoutMs: 8_000,
    wholeTimeoutMs: 30_000,
    maxConnections: 256,
    maxCalls: 2_048,
  }),
  purgeKey: config.purgeKey,
  leaseSeconds: config.leaseSeconds,
  servedBy: config.servedBy,
});
const server = createEdgeServer({
  edge,
  originUrl: config.originUrl,
  servedBy: config.servedBy,
  clientAddress: trustProxies(config.trustedProxies),
});
const metrics = config.metricsPort === undefined ? undefined : createMetricsServer(edge);
metrics?.listen(config.metricsPort, config.host);
server.listen(config.port, config.host, () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;
  console.log(
    JSON.stringify({ level: 'info', msg: 'edge listens', port, url: `http://${config.host}:${port}` }),
  );
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);

function stop(): void {
  metrics?.close();
  server.close(() => process.exit(0));
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  setTimeout(() => {
    clearInterval(sweep);
    server.closeAllConnections();
    process.exit(0);
  }, drainMs).unref();
}

function openStore(folder: string | undefined): Store | Promise<Store> {
  return folder === undefined ? createMemoryStore(maxStoreBytes) : openDiskStore(folder, maxDiskBytes);
}

function readConfig() {
  try {
    return readEdgeConfig(process.env);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
