// A life of 60 days, by the documented command: every law holds on every day.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DrillResult } from '../../../ops-scripts/drills/drill.ts';
import { laws } from '../../../ops-scripts/drills/shop-life/shop-life.ts';

test.each([
  { where: 'on what npm start runs', days: 60, options: [] },
  { where: 'on a region', days: 7, options: ['--region'] },
])(
  'Every law holds through $days days $where, and the report tells what was done',
  {
    timeout: 3 * 3_600_000,
  },
  async ({ days, options }) => {
    const folder = await mkdtemp(join(tmpdir(), 'myclothes-long-life-'));
    const report = join(folder, 'shop-life.md');
    try {
      const { code, result } = await runDrill(['--days', String(days), '--report', report, ...options]);
      expect(result.notes.join('\n'), `seed ${result.seed}`).not.toContain(', day ');
      expect(result).toMatchObject({ verdict: 'pass', lost: 0, duplicated: 0, errors: 0 });
      expect(code).toBe(0);
      const text = await readFile(report, 'utf8');
      expect(text).toContain(`# A life of ${days} days`);
      expect(text).toMatch(/\| buys as guest by form: demo, paid \| \d+ \|/);
      for (const { name } of laws) expect(text).toContain(`| \`${name}\` | 0 |`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

async function runDrill(options: string[]): Promise<{ code: number; result: DrillResult }> {
  const args = ['ops-scripts/drills/main.ts', 'shop-life', '--json', ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  const [code] = (await once(child, 'close')) as [number];
  return { code, result: JSON.parse(Buffer.concat(parts).toString('utf8')) as DrillResult };
}
