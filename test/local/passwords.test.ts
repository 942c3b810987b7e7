// The passwords that `npm start` prints: generated ones exactly once, configured ones never.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepSecrets, tellPasswords } from '../../ops-scripts/local/data-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'myclothes-passwords-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const made = { operatorPassword: undefined, staffPassword: undefined };

test('Generated passwords are printed by the first start that gets so far, and by no later one', () => {
  const { operatorPassword, staffPassword } = keepSecrets(folder);
  for (const start of ['that failed before it could tell', 'that told, and died before it noted that']) {
    const passwords = tellPasswords(made, folder);
    expect([start, passwords.tell('operatorPassword')]).toEqual([start, operatorPassword]);
  }
  const first = tellPasswords(made, folder);
  expect([first.tell('operatorPassword'), first.tell('staffPassword')]).toEqual([
    operatorPassword,
    staffPassword,
  ]);
  first.markTold();
  const later = tellPasswords(made, folder);
  for (const name of ['operatorPassword', 'staffPassword'] as const)
    expect(later.tell(name)).toMatch(/^password in .*secrets\.json$/);
  expect(keepSecrets(folder)).toMatchObject({ operatorPassword, staffPassword });
  expect(statSync(join(folder, 'secrets.json')).mode & 0o077).toBe(0);
});

test('A configured password is named by its setting, and a generated one beside it is printed when first used', () => {
  const { operatorPassword } = keepSecrets(folder);
  const set = { operatorPassword: 'set-by-the-user', staffPassword: undefined };
  for (const _start of ['first', 'later']) {
    const passwords = tellPasswords(set, folder);
    passwords.tell('staffPassword');
    expect(passwords.tell('operatorPassword')).toBe('password as set in OPERATOR_PASSWORD');
    passwords.markTold();
  }
  expect(tellPasswords(made, folder).tell('operatorPassword')).toBe(operatorPassword);
});
