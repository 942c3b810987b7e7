// The rights of programs and the installed packages, as the repository's files declare them.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const { tasks } = JSON.parse(readFileSync('deno.json', 'utf8')) as { tasks: Record<string, string> };

test('Under Deno the origin reads nothing in DATA_DIR, and the worker neither secrets nor stores in it', () => {
  expect(tasks['origin']).toMatch(/--deny-read="\$\{DATA_DIR:-\.data\}" /);
  expect(tasks['origin']).not.toContain('--allow-write');
  for (const name of ['secrets.json', 'running.json', 'backup-key', 'postgres', 'redis'])
    expect(tasks['worker']).toMatch(new RegExp(`--deny-read=\\S*"\\$\\{DATA_DIR:-.data\\}/${name}"`));
  for (const task of Object.values(tasks))
    expect(task).not.toMatch(/--allow-(all|run|import)|-A\b|--allow-(read|write) /);
});

test('Every package is installed by its SHA-512, or is a part of one that is', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { integrity?: string; inBundle?: boolean; link?: boolean }>;
  };
  const unknown = Object.entries(packages).filter(
    ([path, { integrity = '', inBundle, link }]) =>
      path !== '' && inBundle !== true && link !== true && !integrity.startsWith('sha512-'),
  );
  expect(Object.keys(packages).length).toBeGreaterThan(100);
  expect(unknown.map(([path]) => path)).toEqual([]);
});
