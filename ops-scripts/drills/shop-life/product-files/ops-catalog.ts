// Imports and exports product files with the `ops catalog` command.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Life } from '../life.ts';

const mostAttempts = 5;
const againMs = 2_000;

interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** As an operator would, once more where a store was away meanwhile. */
async function runOps({ shop, outages }: Life, args: string[]): Promise<Ran> {
  for (let attempt = 1; ; attempt++) {
    const fromMs = Date.now();
    const ran = await runOnce(shop.environment, args);
    const away = outages.overlap(fromMs, Date.now(), ['postgres', 'redis']);
    if (ran.code === 0 || !away || attempt === mostAttempts) return ran;
    await delay(againMs);
  }
}

function runOnce(env: NodeJS.ProcessEnv, args: string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['ops-scripts/main.ts', ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const parts: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
    child.stdout.on('data', (part: Buffer) => parts.stdout.push(part));
    child.stderr.on('data', (part: Buffer) => parts.stderr.push(part));
    child.on('error', reject);
    child.on('close', (code) => {
      const text = (name: 'stdout' | 'stderr') => Buffer.concat(parts[name]).toString('utf8');
      resolve({ code, stdout: text('stdout'), stderr: text('stderr') });
    });
  });
}

/** @returns the file's text. @throws where it cannot be written */
export async function exportCatalog(life: Life): Promise<string> {
  const { code, stdout, stderr } = await runOps(life, ['catalog', 'export']);
  if (code !== 0) throw new Error(`Cannot export the catalog: ${stderr.trim() || `exit code ${code}`}`);
  return stdout;
}

/** @throws where a row of it was bad */
export async function importCatalog(life: Life, name: string, text: string): Promise<string> {
  const file = join(life.shop.folder, name);
  await writeFile(file, text);
  const { code, stdout, stderr } = await runOps(life, ['catalog', 'import', file]);
  if (code !== 0)
    throw new Error(
      `Cannot import ${name} whole (exit code ${code}): ${`${stderr} ${stdout}`.trim().slice(0, 600)}`,
    );
  return stdout.trim();
}
