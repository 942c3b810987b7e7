// Routes a region's purges through the drill's proxy, and restores the direct route afterwards.
import type { DrillRegion } from '../region.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { openPurgeProxy, type PurgeProxy } from './purge-proxy.ts';

/** The workers are told another address of the edge: ours. They go back to its own when the drill ends. */
export async function routePurges(region: DrillRegion, random: SeededRandom): Promise<PurgeProxy> {
  const edge = region.ofKind('edge');
  const proxy = await openPurgeProxy(edge.url, random);
  const lead = async (url: string) => {
    const workers = region.parts.filter(({ kind }) => kind === 'worker');
    for (const worker of workers) await region.replace(worker, { env: { EDGE_URLS: url } });
  };
  await lead(proxy.url);
  return {
    ...proxy,
    get mode() {
      return proxy.mode;
    },
    set mode(mode) {
      proxy.mode = mode;
    },
    async [Symbol.asyncDispose]() {
      await lead(edge.url);
      await proxy[Symbol.asyncDispose]();
    },
  };
}
