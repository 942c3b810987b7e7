// Reads the edge's settings, and describes in one sentence why it cannot start.
// Names every fault and prints no secret.
import { once } from 'node:events';
import type { Server } from 'node:http';
import { isAddressOrCidr } from '../http/client-address.ts';
import { describeListenFault, reasonOf, StartFault } from '../http/system-faults.ts';

interface EdgeConfig {
  host: string;
  port: number;
  metricsPort: number | undefined;
  originUrl: string;
  /** Undefined: before an origin that sends no tags, there is nothing to purge. */
  purgeKey: string | undefined;
  leaseSeconds: number;
  /** Whether the edge asks the origin for floors, instead of being purged. */
  asksForFloors: boolean;
  zone: string;
  instance: string;
  /** The longest that the origin may go without a byte. */
  silenceSeconds: number;
  /** The longest that a whole answer may take; undefined: as long as it flows. */
  responseSeconds: number | undefined;
  servedBy: string;
  trustedProxies: string[];
  /** Where spans are sent by OTLP over HTTP; undefined: none are made. */
  spansEndpoint: string | undefined;
  /** Where answers are stored on disk; undefined: in memory. */
  storeFolder: string | undefined;
}

/** @throws StartFault that names all faults, one a line. */
export function readEdgeConfig(env: Record<string, string | undefined>): EdgeConfig {
  const faults: string[] = [];
  const port = (name: string, value: string) => {
    if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535)
      faults.push(`${name}: must be a port, 0 to 65535`);
    return Number(value);
  };
  const originUrl = env.ORIGIN_URL ?? '';
  const origin = URL.canParse(originUrl) ? new URL(originUrl) : undefined;
  if (origin === undefined || !/^https?:$/.test(origin.protocol))
    faults.push('ORIGIN_URL: must be a URL that begins with http:// or https://');
  else if (origin.pathname !== '/' || /[?#@]/.test(originUrl))
    faults.push(
      'ORIGIN_URL: must be scheme, host and port only, as every path of the edge is the same path there',
    );
  const seconds = (name: string, value: string) => {
    if (!/^\d{1,5}(\.\d{1,3})?$/.test(value) || Number(value) <= 0)
      faults.push(`${name}: must be a number of seconds above 0`);
    return Number(value);
  };
  const purgeKey = env.EDGE_PURGE_KEY || undefined;
  const leaseSeconds = Number(env.EDGE_LEASE_SECONDS || 3);
  if (!(leaseSeconds >= 1 && leaseSeconds <= 60)) faults.push('EDGE_LEASE_SECONDS: must be 1 to 60');
  const floors = env.EDGE_FLOORS || 'pushed';
  if (floors !== 'pushed' && floors !== 'asked') faults.push('EDGE_FLOORS: must be pushed or asked');
  if (floors === 'asked' && purgeKey === undefined)
    faults.push('EDGE_PURGE_KEY: must be set where EDGE_FLOORS is asked');
  const trustedProxies = (env.TRUSTED_PROXIES ?? '')
    .split(',')
    .map((proxy) => proxy.trim())
    .filter(Boolean);
  for (const proxy of trustedProxies)
    if (!isAddressOrCidr(proxy))
      faults.push('TRUSTED_PROXIES: must be IP addresses or CIDRs, separated by commas');
  const spansEndpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT || undefined;
  if (spansEndpoint !== undefined && !/^https?:/.test(spansEndpoint))
    faults.push('OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL that begins with http:// or https://');
  const [zone, instance] = [env.ZONE || 'local', env.INSTANCE || 'edge'];
  const config: EdgeConfig = {
    host: env.HOST || '127.0.0.1',
    port: port('EDGE_PORT', env.EDGE_PORT || '3002'),
    metricsPort: env.METRICS_PORT ? port('METRICS_PORT', env.METRICS_PORT) : undefined,
    originUrl,
    purgeKey,
    leaseSeconds,
    asksForFloors: floors === 'asked',
    zone,
    instance,
    servedBy: `${zone}/${instance}`,
    silenceSeconds: seconds('EDGE_SILENCE_SECONDS', env.EDGE_SILENCE_SECONDS || '60'),
    responseSeconds: env.EDGE_RESPONSE_SECONDS
      ? seconds('EDGE_RESPONSE_SECONDS', env.EDGE_RESPONSE_SECONDS)
      : undefined,
    trustedProxies,
    spansEndpoint,
    storeFolder: env.EDGE_STORE_FOLDER || undefined,
  };
  if (faults.length > 0)
    throw new StartFault(
      `Cannot start, ${faults.length === 1 ? 'a setting is' : 'settings are'} wrong:\n  ${faults.join('\n  ')}`,
    );
  return config;
}

/** @returns what is worth a look at start-up, though the edge runs with it. */
export function findDoubts({ purgeKey }: Pick<EdgeConfig, 'purgeKey'>): string[] {
  return purgeKey !== undefined && purgeKey.length < 16
    ? ['EDGE_PURGE_KEY is weak: it has fewer than 16 characters']
    : [];
}

/** @param setting names the port where it cannot be had. @returns the port that was taken. */
export async function listen(server: Server, host: string, port: number, setting: string): Promise<number> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new StartFault(
      describeListenFault(error, { setting, host, port }) ??
        `Cannot listen on port ${port} of ${host}: ${reasonOf(error)}`,
      { cause: error },
    );
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** @param setting names the folder. */
export function cannotWrite(folder: string, cause: unknown, setting: string): StartFault {
  return new StartFault(
    `Cannot write to '${folder}': ${reasonOf(cause)}. Set ${setting} to a folder of your own`,
    { cause },
  );
}
