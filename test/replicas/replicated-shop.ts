// The whole shop on a primary and replicas that really stream, and what its metrics say of who answered.
import { vi } from 'vitest';
import {
  type ReplicatedPostgres,
  startReplicatedPostgres,
} from '../../ops-scripts/region/replicated-postgres.ts';
import { openShop, type Shop } from '../support/shop.ts';

export interface ReplicatedShop extends AsyncDisposable {
  shop: Shop;
  postgres: ReplicatedPostgres;
  /** A metric's value, 0 where it has none with these labels. */
  metric(name: string, labels: Record<string, string>): Promise<number>;
  /** Waits until that many replicas are read. */
  fit(replicas: number): Promise<void>;
  everyoneCaughtUp(): Promise<void>;
}

export async function openReplicatedShop(): Promise<ReplicatedShop> {
  await using standing = new AsyncDisposableStack();
  const postgres = standing.use(await startReplicatedPostgres({ replicas: 2 }));
  const shop = standing.use(
    await openShop({
      env: {
        DATABASE_URL: postgres.primary.url,
        DATABASE_REPLICA_URLS: postgres.replicas.map(({ url }) => url).join(','),
      },
    }),
  );
  const metric: ReplicatedShop['metric'] = async (name, labels) => {
    const found = (await shop.deps.registry.getMetricsAsJSON()).find((each) => each.name === name);
    const value = found?.values.find(({ labels: has }) =>
      Object.entries(labels).every(([label, wanted]) => has[label] === wanted),
    );
    return value?.value ?? 0;
  };
  const stack = standing.move();
  return {
    shop,
    postgres,
    metric,
    async fit(replicas) {
      await vi.waitFor(
        async () => {
          const fit = await Promise.all(
            [1, 2].map((number) => metric('replica_fit', { replica: `replica-${number}` })),
          );
          if (fit.filter((each) => each === 1).length !== replicas) throw new Error(`Fit are ${fit}`);
        },
        { timeout: 15_000, interval: 50 },
      );
    },
    everyoneCaughtUp: async () => {
      await Promise.all(postgres.replicas.map((replica) => postgres.caughtUp(replica)));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
