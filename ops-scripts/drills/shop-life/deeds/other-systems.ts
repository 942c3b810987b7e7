// An ERP with an API key changes stock in bulk. Some rows are wrong, and calls whose answers were lost are repeated.
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import { expectAnswer, expectThat } from '../browser/page.ts';
import { readStock } from '../laws/money-and-stock.ts';
import type { ShopLife } from '../life.ts';
import { signInStaff } from './staff.ts';

/** The owner makes the key once, and every system uses it. */
export async function apiKeyOf(life: ShopLife): Promise<string> {
  if (life.record.apiKey !== undefined) return life.record.apiKey;
  const owner = await signInStaff(life);
  const body = { name: 'ERP “Lager”', scopes: ['stock:write', 'catalog:read', 'events:read'] };
  const made = await owner.ask<{ key: string }>('POST', '/api/staff/api-keys', body);
  life.record.apiKey ??= expectAnswer('An API key', made, 201).key;
  return life.record.apiKey;
}

interface Outcome {
  sku?: string;
  outcome: string;
  stock?: number | null;
}

/** Sends arrived pieces, a count and an outdated count in one call. The call is sent twice. */
export async function changeStockByKey(life: ShopLife, random: SeededRandom): Promise<void> {
  const key = await apiKeyOf(life);
  await life.desk.alone(() =>
    life.till.alone(async () => {
      const before = await readStock(life);
      const bySku = Map.groupBy(before, ({ sku }) => sku);
      const pieces = before.filter(({ sku, isCounted }) => isCounted && bySku.get(sku)?.length === 1);
      const [arrived, counted, stale] = [0, 1, 2].map(() => random.pick(pieces));
      if (new Set([arrived, counted, stale]).size < 3) return;
      const changes = [
        { sku: arrived!.sku, add: random.integer(1, 12) },
        { sku: counted!.sku, set: random.integer(0, 60) },
        { sku: stale!.sku, add: 1, expected: stale!.available + 1_000 },
        { sku: 'No such SKU’s “piece”', set: 3 },
        { sku: arrived!.sku },
      ];
      const headers = { authorization: `Bearer ${key}`, 'idempotency-key': randomUUID() };
      const ask = () =>
        life.browser().ask<{ items: Outcome[] }>('POST', '/api/staff/stock', { changes }, headers);
      const first = expectAnswer('Stock in bulk', await ask(), 200).items;
      const again = expectAnswer('Stock in bulk', await ask(), 200).items;
      const told = JSON.stringify(first.map(({ outcome }) => outcome));
      expectThat(
        told === '["ok","ok","conflict","not-found","invalid"]',
        `Stock in bulk was answered ${told}`,
      );
      expectThat(
        isDeepStrictEqual(again, first),
        `Stock in bulk that was sent again was answered ${JSON.stringify(again)}`,
      );
      // Pieces that came back from ended orders meanwhile are part of the count.
      const now = new Map((await readStock(life)).map((piece) => [piece.id, piece]));
      for (const [at, piece] of [arrived!, counted!].entries()) {
        const { available, sold } = now.get(piece.id)!;
        if (sold === piece.sold)
          expectThat(
            available === first[at]!.stock,
            `${piece.sku} was said to have ${first[at]!.stock} pieces and has ${available}`,
          );
        life.record.stock.set(piece.id, { set: available, soldBefore: sold });
      }
    }),
  );
  life.record.count('changes stock in bulk by API key');
}
