// Checks every command that README and docs/ name. Each is run as written, or tried as far as this machine allows,
// with the reason.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planOf } from '../compliance/support/plan-file.ts';
import { soundStack } from '../compliance/support/sound-stack.ts';
import { type Checkout, copyCheckout, pathOfMachine } from '../support/copy-checkout.ts';
import { openShop, type Shop } from '../support/shop.ts';

const documents = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** Finds commands in code blocks and between backticks. A line that ends in a backslash continues on the next. */
function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/```(?:sh)?\n(.*?)```/gs)].flatMap(([, block = '']) =>
    block.replaceAll(/\\\n\s*/g, '').split('\n'),
  );
  const inline = [...text.replaceAll(/```.*?```/gs, '').matchAll(/`([^`]+)`/gs)].map(([, code = '']) => code);
  return [...blocks, ...inline]
    .map((line) =>
      line
        .replaceAll(/\s+/g, ' ')
        .replace(/ # .*$/, '')
        .trim(),
    )
    .filter((line) => /^(npm|npx|node|deno|aws|tar) /.test(line));
}

const written = [...new Set(documents.flatMap((file) => commandsIn(readFileSync(file, 'utf8'))))].sort();

/** Commands that need their own servers, minutes or an account, and the test that covers each instead. */
const elsewhere: [pattern: RegExp, reason: string, shownBy?: string][] = [
  [/^npm start$/, 'runs until it is stopped', 'test/local/start.test.ts'],
  [/^npm (test|test -- FILE|run test:long|run check)$/, 'is what runs this', 'test/run.ts'],
  [/^npm run region$/, 'runs until it is stopped', 'test/region/whole-region.test.ts'],
  [/^(npx )?deno task (origin|worker|edge)$/, 'runs until it is stopped', 'test/process/runtimes.test.ts'],
  [/^node (origin|worker|edge)\/main\.ts$/, 'runs until it is stopped', 'test/process/runtimes.test.ts'],
  [/^npm ci --omit=dev$/, 'takes minutes', 'test/process/fresh-clone.long.test.ts'],
  [/^(aws|tar) /, 'needs an account of AWS'],
  [/ -- compliance (check live|snapshot) /, 'needs an account of AWS', 'test/compliance/live'],
  [/ -- aws run -- /, 'needs an account of AWS', 'test/infra/aws-run.test.ts'],
];

/** Commands that would run for minutes. Only their options and names are checked. */
const long = /^npm run (drill|bench) -- /;

const stand = {
  'snapshot FILE': 'snapshot account.json',
  FILE: 'products.csv',
  NAME: 'crowd',
  'HANDLE…': 'a-shirt',
  EMAIL: 'nobody@example.com',
};

/** Commands that end with exit codes other than 0. */
const codes: [pattern: RegExp, codes: number[]][] = [
  [/ -- compliance$/, [3]],
  [/ -- infra$/, [2]],
  [/ -- compliance (check|compare)/, [0, 1, 2]],
  [/ -- compliance fix/, [0, 1]],
  [/ -- catalog archive/, [0, 1]],
];

let shop: Shop;
let clone: Checkout;
beforeAll(async () => {
  [shop, clone] = await Promise.all([openShop(), copyCheckout()]);
  symlinkSync(resolve('node_modules'), join(clone.path, 'node_modules'));
  const file = (name: string, text: string) => writeFileSync(join(clone.path, name), text);
  for (const name of ['account.json', 'monday.json', 'friday.json']) file(name, JSON.stringify(soundStack()));
  file(
    'products.csv',
    'Handle,Title,Variant Price,Variant SKU,Variant Inventory Qty\na-shirt,A shirt,10.00,SKU-1,5\n',
  );
  file(
    'shop.yaml',
    'Parameters: { Size: { Type: String } }\nResources: { Topic: { Type: "AWS::SNS::Topic" } }\n',
  );
  file('production.json', JSON.stringify({ Parameters: { Size: 'large' } }));
  file('plan.json', JSON.stringify(planOf({ resources: {} })));
  mkdirSync(join(clone.path, 'cdk.out'));
  file('cdk.out/shop.template.json', '{ "Resources": { "Topic": { "Type": "AWS::SNS::Topic" } } }');
  file('data.yaml', 'Resources: { Queue: { Type: "AWS::SQS::Queue" } }\n');
  await run(
    'npm run ops -- compliance check snapshot account.json --output json --output-file check-result.json',
  );
});
afterAll(async () => {
  await shop[Symbol.asyncDispose]();
  await clone[Symbol.asyncDispose]();
});

async function run(command: string): Promise<{ code: number; output: string }> {
  const child = spawn('sh', ['-c', command], {
    cwd: clone.path,
    env: {
      ...process.env,
      PATH: pathOfMachine(),
      DATABASE_URL: shop.deps.settings.databaseUrl,
      REDIS_URL: shop.deps.settings.redisUrls.join(','),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  const [code] = await once(child, 'close');
  return { code: code as number, output };
}

const listings = new Map<string, Promise<string>>();

/** Lists all drills, or all benchmarks, once for each command. */
function listNames(command: string): Promise<string> {
  const listing = listings.get(command) ?? run(command).then(({ output }) => output);
  listings.set(command, listing);
  return listing;
}

test('README and docs/ name commands, and every exception is of one of them', () => {
  expect(written.length).toBeGreaterThan(40);
  for (const [pattern, , shownBy] of elsewhere) {
    expect(
      written.filter((command) => pattern.test(command)),
      String(pattern),
    ).not.toEqual([]);
    if (shownBy !== undefined) expect(existsSync(shownBy), shownBy).toBe(true);
  }
});

/** The order in which each command finds the files of the one before. */
const rank = (command: string) =>
  [' infra synth ', ' catalog import'].findIndex((part) => command.includes(part));
const runnable = written
  .filter((command) => !elsewhere.some(([pattern]) => pattern.test(command)))
  .toSorted((a, b) => rank(b) - rank(a));

test.each(runnable)('%s', { timeout: 120_000 }, async (command) => {
  const real = Object.entries(stand).reduce((text, [word, value]) => text.replaceAll(word, value), command);
  if (command.startsWith('npx vitest run ')) {
    const path = command.split(' ').at(-1)!;
    // This run already runs that test file.
    expect(spawnSync('git', ['ls-files', `${path}*`], { encoding: 'utf8' }).stdout).toContain('.test.ts');
    return;
  }
  if (long.test(command)) {
    const bench = command.includes(' bench ');
    const ask = bench ? real.replace(/ crowd$/, ' stampede') : real;
    const { code, output } = await run(`${ask.replace(/ > .*/, '')} --no-such-option`);
    expect([code, output]).toEqual([2, expect.stringContaining("unknown option '--no-such-option'")]);
    const names = ask
      .split(' -- ')[1]!
      .split(/ --| >/)[0]!
      .split(' ');
    const listed = await listNames(bench ? 'npm run bench -- --help' : 'npm run drill');
    for (const name of names) if (name !== 'all') expect(listed).toMatch(new RegExp(`\\b${name}\\b`));
    return;
  }
  const { code, output } = await run(real);
  const right = codes.find(([pattern]) => pattern.test(command))?.[1] ?? [0];
  expect(right, output).toContain(code);
  expect(output).not.toMatch(/^ {4}at /m);
  expect(output).not.toContain('unknown option');
});
