// `purge`: milliseconds from sending one signed purge of 10,000 tags to an edge until it confirms the raised floors.
import { createHmac } from 'node:crypto';
import { median } from './measure.ts';
import type { BenchResult } from './result.ts';
import type { BenchShop } from './shop.ts';

const tags = 10_000;
const rounds = 20;
const allowedMs = 50;

export async function benchPurge(shop: BenchShop): Promise<BenchResult> {
  const took: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const raised = Object.fromEntries(Array.from({ length: tags }, (_, n) => [`bench-purge:${n}`, round]));
    const body = JSON.stringify({ tags: raised });
    const headers = { 'content-type': 'application/json', 'purge-signature': sign(shop.edgePurgeKey, body) };
    const began = performance.now();
    const answer = await fetch(`${shop.edgeUrl}/.edge/purge`, { method: 'POST', headers, body });
    const said = (await answer.json()) as { raised?: number };
    took.push(performance.now() - began);
    if (said.raised !== tags) throw new Error(`Cannot measure purges as one was answered ${answer.status}`);
  }
  return {
    bench: 'purge',
    measured: `ms for a purge of ${tags.toLocaleString('en')} tags over HTTP, median of ${rounds}`,
    against: 'the time allowed in ms',
    ours: Math.round(median(took) * 10) / 10,
    theirs: allowedMs,
    ratio: median(took) / allowedMs,
    aim: 1,
    lessIsBetter: true,
    notes: [`the slowest took ${Math.max(...took).toFixed(1)} ms`],
  };
}

function sign(key: string, body: string): string {
  const t = Date.now();
  return `t=${t},v1=${createHmac('sha256', key).update(`${t}.${body}`).digest('hex')}`;
}
