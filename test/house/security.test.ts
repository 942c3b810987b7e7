// docs/security.md names every secret setting and every security event of the code, and docs/asvs.md counts right.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const security = readFileSync('docs/security.md', 'utf8');
const code = ['origin', 'worker'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[jt]s$/.test(name))
    .map((name) => readFileSync(`${folder}/${name}`, 'utf8')),
);

test('Every setting that holds a secret stands in docs/security.md with how long it lives and who has it', () => {
  const settings = readFileSync('README.md', 'utf8').matchAll(
    /`([A-Z]+_(?:[A-Z]+_)*(?:KEYS?|PASSWORD|SECRET|TOKEN)|[A-Z_]*DATABASE_URL|REDIS_URL|SMTP_URL)`/g,
  );
  const names = [...new Set([...settings].map(([, name]) => name!))];
  expect(names.length).toBeGreaterThan(8);
  expect(names.filter((name) => !security.includes(`\`${name}\``))).toEqual([]);
});

test('Every security event that the code logs stands in docs/security.md, and no other', () => {
  const logged = new Set(
    code.flatMap((text) => [...text.matchAll(/security: '([a-z-]+)'/g)].map(([, name]) => name!)),
  );
  const told = /Events that lines with `security` tell: ((?:.|\n)*?)\n\n/.exec(security)![1]!;
  const listed = [...told.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name!);
  expect(listed.toSorted()).toEqual([...logged].toSorted());
});

test('No script stores anything in the browser', () => {
  const storing = /localStorage|sessionStorage|indexedDB|document\.cookie|caches\.open/;
  expect(code.filter((text) => storing.test(text))).toEqual([]);
});

test('docs/asvs.md counts its rows rightly, and each file that a row names exists', () => {
  const asvs = readFileSync('docs/asvs.md', 'utf8');
  const states = [...asvs.matchAll(/^\| [\d.]+ \| \d \| [^|]+ \| ([^|]+) \|/gm)].map(([, state]) => state!);
  const count = (state: string) => states.filter((one) => one === state).length;
  expect(asvs).toContain(
    `Of ${states.length} requirements ${count('met')} are met, ${count('not applicable')} are not applicable, ${count('partly')} are met in part and ${count('not met')} are not met.`,
  );
  const files = [...asvs.matchAll(/\]\((\.\.\/[^)#]+|[\w-]+\.md|decisions\/[^)#]+)/g)].map(
    ([, path]) => path!,
  );
  expect(files.filter((path) => !existsSync(`docs/${path}`))).toEqual([]);
});
