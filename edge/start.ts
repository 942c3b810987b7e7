// Runs the edge under Node or Deno. On a stop signal it finishes open requests, within ten seconds.
import process from 'node:process';
import { pino } from 'pino';
import { floorsPath } from '../http/asked-floors.ts';
import { createClientAddress } from '../http/client-address.ts';
import { StartFault } from '../http/system-faults.ts';
import { createEdge } from './app.ts';
import { cannotWrite, findDoubts, listen, readEdgeConfig } from './config.ts';
import { openDiskStore } from './disk-store.ts';
import { followFloors } from './follow-floors.ts';
import { createEdgeServer, createMetricsServer } from './reply/serve-node.ts';
import { createMemoryStore, type Store } from './stored/stored-response.ts';
import { createFaultLog, UpstreamError } from './upstream/upstream.ts';
import { createNodeUpstream } from './upstream/upstream-node.ts';

const maxStoreBytes = 256_000_000;
const maxDiskBytes = 4_000_000_000;
const drainMs = 8_000;

async function main(): Promise<void> {
  const config = readEdgeConfig(process.env);
  const { host, zone, instance, originUrl, servedBy } = config;
  const log = pino({ base: { service: 'edge', zone, instance }, timestamp: pino.stdTimeFunctions.isoTime });
  for (const doubt of findDoubts(config)) log.warn(doubt);
  if (config.purgeKey === undefined)
    log.info('EDGE_PURGE_KEY is not set: answers with Cache-Tag will not be served twice');
  const spans =
    config.spansEndpoint === undefined
      ? undefined
      : (await import('../http/export-spans.ts')).exportSpans({
          ...{ endpoint: config.spansEndpoint, service: 'edge', instance: servedBy, log },
        });
  const onUpstreamFault = createFaultLog(log);
  const edge = createEdge({
    store: await openStore(config.storeFolder),
    upstream: createNodeUpstream({
      originUrl,
      silenceMs: config.silenceSeconds * 1_000,
      wholeMs: config.responseSeconds && config.responseSeconds * 1_000,
      maxConnections: 256,
      onCutShort: onUpstreamFault,
      maxCalls: 2_048,
    }),
    purgeKey: config.purgeKey,
    leaseSeconds: config.leaseSeconds,
    servedBy,
    asksForFloors: config.asksForFloors,
    onFollowFault: (reason) =>
      onUpstreamFault(
        new UpstreamError(502, 'The origin tells no floors', { cause: new Error(reason) }),
        floorsPath,
      ),
    onUpstreamFault,
  });
  const clientAddress = createClientAddress(config.trustedProxies);
  const server = createEdgeServer({ edge, originUrl, servedBy, clientAddress });
  const metrics = config.metricsPort === undefined ? undefined : createMetricsServer(edge);
  const following = edge.follower && followFloors(edge.follower, config.leaseSeconds * 1_000);
  const stop = () => {
    following?.stop();
    metrics?.close();
    server.close(() => void Promise.resolve(spans?.stop()).then(() => process.exit(0)));
    const sweep = setInterval(() => server.closeIdleConnections(), 50);
    setTimeout(() => {
      clearInterval(sweep);
      server.closeAllConnections();
      process.exit(0);
    }, drainMs).unref();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  if (metrics !== undefined) await listen(metrics, host, config.metricsPort!, 'METRICS_PORT');
  const port = await listen(server, host, config.port, 'EDGE_PORT');
  log.info({ port, url: `http://${host}:${port}` }, 'edge listens');
}

async function openStore(folder: string | undefined): Promise<Store> {
  if (folder === undefined) return createMemoryStore(maxStoreBytes);
  return openDiskStore(folder, maxDiskBytes).catch((error: Error) => {
    throw cannotWrite(folder, error, 'EDGE_STORE_FOLDER');
  });
}

main().catch((error: unknown) => {
  console.error(error instanceof StartFault ? error.message : error);
  process.exit(1);
});
