// Puts our line between the workers of a region and its edge, and takes it away again.
import type { Region } from '../region.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { openPurgeLine, type PurgeLine } from './purge-line.ts';

/** The workers are told another address of the edge: ours. They go back to its own when the drill ends. */
export async function joinLine(region: Region, random: SeededRandom): Promise<PurgeLine> {
  const edge = region.ofKind('edge');
  const line = await openPurgeLine(edge.url, random);
  const lead = async (url: string) => {
    const workers = region.parts.filter(({ kind }) => kind === 'worker');
    for (const worker of workers) await region.replace(worker, { env: { EDGE_URLS: url } });
  };
  await lead(line.url);
  return {
    ...line,
    get mode() {
      return line.mode;
    },
    set mode(mode) {
      line.mode = mode;
    },
    async [Symbol.asyncDispose]() {
      await lead(edge.url);
      await line[Symbol.asyncDispose]();
    },
  };
}
