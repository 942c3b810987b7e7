// A real edge before the origins, and the sender of its purges. Purges pass, are lost or wait, and each carries all
// pending versions.
import { createEdge } from '../../edge/app.ts';
import { createMemoryStore } from '../../edge/stored/stored-response.ts';
import { signPurge } from '../../http/purge-signature.ts';
import type { PlantedBug } from './planted-bugs.ts';

export interface EdgeSide {
  /** @returns the version that it showed; undefined where it had no answer */
  read(): Promise<number | undefined>;
  /** Sends a purge with all unconfirmed versions. */
  speak(): Promise<void>;
  /** @returns whether the change is done at the edge: confirmed, or silent for longer than a lease can last */
  tell(version: number): { isDone(): boolean };
  words(mode: 'pass' | 'lose' | 'wait'): void;
  deliver(which: 'oldest' | 'newest'): Promise<void>;
}

interface Word {
  t: number;
  tags: Record<string, number>;
}

const purgeKey = 'a key for tests only';
const leaseMs = 3_000;
const clockMs = 2_000;
const tag = 'product:1';

export function createEdgeSide(options: {
  now: () => number;
  ask: () => Promise<number>;
  bug: PlantedBug | undefined;
}): EdgeSide {
  const { now, ask, bug } = options;
  const edge = createEdge({
    store: createMemoryStore(1_000_000),
    upstream: async () => {
      const version = await ask();
      return { status: 200, statusText: 'OK', headers: headersOf(version), body: streamOf(String(version)) };
    },
    clock: { wallMs: now, monotonicMs: now },
    purgeKey,
    leaseSeconds: leaseMs / 1_000,
    servedBy: 'test/edge',
  });
  const waiting: Word[] = [];
  let unconfirmed = 0;
  let confirmed = 0;
  let lastSentAt = now();
  let mode: 'pass' | 'lose' | 'wait' = 'pass';

  const post = async ({ t, tags }: Word): Promise<boolean> => {
    const body = JSON.stringify({ tags });
    const headers = { 'purge-signature': await signPurge(purgeKey, body, t) };
    const answer = await edge.app.request(
      'http://shop.test/.edge/purge',
      { method: 'POST', body, headers },
      {},
    );
    return answer.status === 200;
  };

  const arrive = async (word: Word): Promise<void> => {
    const heard = await post({
      t: bug === 'the lease of the edge is counted from arrival' ? now() : word.t,
      tags: bug === 'no floor check at the edge' ? {} : word.tags,
    });
    if (!heard) return;
    const version = word.tags[tag] ?? 0;
    confirmed = Math.max(confirmed, version);
    if (version >= unconfirmed) unconfirmed = 0;
  };

  const speak = async () => {
    const word: Word = { t: now(), tags: unconfirmed > 0 ? { [tag]: unconfirmed } : {} };
    lastSentAt = word.t;
    if (mode === 'pass') await arrive(word);
    else if (mode === 'wait') waiting.push(word);
  };

  return {
    speak,
    async read() {
      if (bug === 'the lease of the edge is ignored') await post({ t: now(), tags: {} });
      const answer = await edge.app.request('http://shop.test/p/shirt', {}, {});
      const body = await answer.text();
      return answer.status === 200 ? Number(body) : undefined;
    },
    tell(version) {
      // Only purges sent before this moment lack the version.
      const silentAt = lastSentAt + leaseMs + clockMs;
      unconfirmed = Math.max(unconfirmed, version);
      return { isDone: () => confirmed >= version || now() >= silentAt };
    },
    words(wanted) {
      mode = wanted;
    },
    async deliver(which) {
      const word = which === 'oldest' ? waiting.shift() : waiting.pop();
      if (word !== undefined) await arrive(word);
    },
  };
}

function headersOf(version: number): Headers {
  return new Headers({
    'content-type': 'text/plain',
    'cache-control': 'public, max-age=0, must-revalidate',
    'cdn-cache-control': 'max-age=3600, stale-while-revalidate=60, stale-if-error=86400',
    'cache-tag': `${tag}@${version}`,
    etag: `"${version}"`,
  });
}

function streamOf(text: string): ReadableStream<Uint8Array> {
  return new Blob([text]).stream();
}
