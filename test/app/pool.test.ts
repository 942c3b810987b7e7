// The settings of a pool's sessions go with the pool, so that an address is taken as it was written.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool } from '../../origin/postgres/database.ts';
import { createDatabase } from '../support/stores.ts';

const standing = new AsyncDisposableStack();
let url: string;
beforeAll(async () => {
  ({ url } = standing.use(await createDatabase()));
});
afterAll(() => standing.disposeAsync());

async function shown(name: string, options: { session?: Record<string, string> }): Promise<string> {
  const pool = createPool({ url, name: 'test', max: 1, ...options });
  const { rows } = await pool.query(`select current_setting('${name}') as value`);
  await pool.end();
  return rows[0].value;
}

test('a pool compiles no queries, whatever else its sessions are told', async () => {
  expect(await shown('jit', {})).toBe('off');
  const session = { enable_seqscan: 'off' };
  expect(await shown('jit', { session })).toBe('off');
  expect(await shown('enable_seqscan', { session })).toBe('off');
});
