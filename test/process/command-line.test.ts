// Every npm script answers --help and refuses unknown options. Help fits 80 columns and has no colours in a pipe.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test, vi } from 'vitest';
import { makeAlike } from '../../ops-scripts/command-line.ts';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
/** `fix` is a command of biome. */
const names = Object.keys(scripts).filter(
  (name) => !(name.startsWith('pre') && name.slice(3) in scripts) && name !== 'fix',
);

function run(command: string, ...args: string[]) {
  const env = { ...process.env, FORCE_COLOR: undefined, NO_COLOR: undefined, COLUMNS: undefined };
  return spawnSync(command, args, { encoding: 'utf8', env, timeout: 50_000 });
}

const tooWide = (text: string) => text.split('\n').filter((line) => line.length > 80);

test('The npm scripts are those that README names', () => {
  expect(names.toSorted()).toEqual([
    'bench',
    'check',
    'drill',
    'ops',
    'region',
    'start',
    'stats',
    'test',
    'test:long',
  ]);
});

describe.each(names)('npm run %s', (name) => {
  test('answers --help within 80 columns, and starts nothing', () => {
    const { status, stdout } = run('npm', 'run', '--silent', name, '--', '--help');
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^Usage: npm /)]);
    expect(tooWide(stdout)).toEqual([]);
    expect(stdout).not.toContain('\u001b');
  });

  test('refuses an option that it does not know, with exit code 2', () => {
    const { status, stdout, stderr } = run('npm', 'run', '--silent', name, '--', '--no-such-option');
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: unknown option '--no-such-option'\n\(add --help for the options\)/);
  });
});

const ops = (...args: string[]) => run(process.execPath, 'ops-scripts/main.ts', ...args);

const commandNames = [
  ...ops('--help')
    .stdout.split('\nCommands:\n')[1]!
    .matchAll(/^ {2}([a-z][\w-]*)/gm),
]
  .map(([, name]) => name!)
  .filter((name) => name !== 'help');

/** Loads a command in this process, because a process for each of forty commands takes long. */
async function loadCommand(name: string): Promise<Command> {
  const module = await import(`../../ops-scripts/${name}/command.ts`);
  const command: Command = module[`${name}Command`]({});
  return name === 'compliance' ? command : makeAlike(command);
}

/** @returns the exit code that the command would have had, and its output */
async function ask(command: Command, ...args: string[]) {
  let [said, faults] = ['', ''];
  command.configureOutput({ writeOut: (text) => (said += text), writeErr: (text) => (faults += text) });
  const exit = vi.spyOn(process, 'exit').mockImplementation((code) => {
    throw new Error(`ends with ${code}`);
  });
  try {
    await expect(command.parseAsync(args, { from: 'user' })).rejects.toThrow('ends with ');
    return { code: exit.mock.calls[0]![0], said, faults };
  } finally {
    exit.mockRestore();
  }
}

const withThoseBelow = (command: Command): Command[] => [
  command,
  ...command.commands.flatMap(withThoseBelow),
];

test("Each of the operators' commands answers --help and refuses what it does not know", async () => {
  expect(commandNames.length).toBeGreaterThan(6);
  for (const name of commandNames) {
    const usageCode = name === 'compliance' ? 3 : 2;
    for (const command of withThoseBelow(await loadCommand(name))) {
      const helped = await ask(command, '--help');
      expect([command.name(), helped.code, tooWide(helped.said)]).toEqual([command.name(), 0, []]);
      expect(helped.said).toMatch(/^Usage: /);
      const refused = await ask(command, '--no-such-option');
      expect([command.name(), refused.code, refused.said]).toEqual([command.name(), usageCode, '']);
      expect(refused.faults).toMatch(/^error: /);
    }
  }
});

test.each(commandNames)('As a process, ops %s answers --help within 80 columns', (name) => {
  const { status, stdout } = ops(name, '--help');
  expect([status, tooWide(stdout)]).toEqual([0, []]);
});

test.each([
  [[], 2],
  [['no-such-command'], 2],
  [['db'], 2],
  [['catalog', 'import'], 2],
  [['infra', 'synth', '--replicas', '99'], 2],
  [['compliance'], 3],
  [['compliance', 'no-such-command'], 3],
  [['compliance', 'check', 'snapshot'], 3],
])('A wrong use of ops %j ends with %i', (args, code) => {
  expect(ops(...args).status).toBe(code);
});

test.each([
  ['drills', ['no-such-drill']],
  ['drills', ['--state', 'none']],
  ['drills', ['--seed', 'x', 'crowd']],
  ['bench', ['no-such-benchmark']],
])('A wrong use of the %s %j ends with 2', (folder, args) => {
  expect(run(process.execPath, `ops-scripts/${folder}/main.ts`, ...args).status).toBe(2);
});

test('Requirements of controls fit a narrow terminal, and stay on one line each in a pipe', () => {
  for (const command of [['list'], ['explain', 'elb-multi-az']]) {
    const args = ['ops-scripts/main.ts', 'compliance', ...command];
    const inPipe = ops('compliance', ...command).stdout;
    const env = { ...process.env, FORCE_COLOR: undefined, COLUMNS: '80' };
    const narrow = spawnSync(process.execPath, args, { encoding: 'utf8', env, timeout: 50_000 }).stdout;
    // An address stays on one line, so that it can be copied.
    expect(tooWide(narrow).filter((line) => line.includes(' '))).toEqual([]);
    expect(narrow.replaceAll(/\s+/g, ' ')).toBe(inPipe.replaceAll(/\s+/g, ' '));
    expect(tooWide(inPipe)).not.toEqual([]);
  }
});

test('The list of the drills fits a narrow terminal', () => {
  const { status, stdout } = run(process.execPath, 'ops-scripts/drills/main.ts');
  expect([status, tooWide(stdout)]).toEqual([0, []]);
});

const nowhere = join('/no-such-folder', 'file.json');

test.each([
  [['catalog', 'import', nowhere], 1, `Cannot read '${nowhere}': there is no such file or folder`],
  [['catalog', 'import', '/tmp'], 1, "Cannot read '/tmp': it is a folder"],
  [['infra', 'synth', '--out', nowhere], 1, `Cannot write '${nowhere}': there is no such file or folder`],
  [
    ['compliance', 'check', 'snapshot', nowhere],
    3,
    `Cannot read '${nowhere}': there is no such file or folder`,
  ],
  [
    ['compliance', 'check', 'template', nowhere],
    3,
    `Cannot read '${nowhere}': there is no such file or folder`,
  ],
])('A file that cannot be had is told in one sentence: ops %j', (args, code, sentence) => {
  const { status, stderr } = ops(...args);
  expect([status, stderr.trim()]).toEqual([code, sentence]);
});

test('A report of a drill that could not be written is told before the drill begins', () => {
  const { status, stderr } = run(process.execPath, 'ops-scripts/drills/main.ts', 'crowd', '--html', nowhere);
  expect([status, stderr.trim()]).toEqual([1, `Cannot write '${nowhere}': there is no such file or folder`]);
});
