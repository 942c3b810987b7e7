// `npm run stats`: how readable the repository is, in figures that anyone can count again.
import { execFileSync, type StdioOptions } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { makeAlike } from '../command-line.ts';
import {
  findFolderCircles,
  findPrivateWords,
  findSharedNames,
  readSourceFiles,
  type SourceFile,
  sourceFolders,
} from './findings.ts';

const longestFunction = 70;
const mostParameters = 4;
const longestComment = 120;

const program = new Command('npm run stats --')
  .description('Count files, lines, long functions, circles of folders and private words.')
  .option('--json', 'one line of JSON')
  .action(({ json }: { json?: boolean }) => {
    const stats = count(readSourceFiles());
    if (json) console.log(JSON.stringify(stats));
    else
      for (const [name, value] of Object.entries(stats)) console.log(`${name.padEnd(44)} ${describe(value)}`);
  });
await makeAlike(program).parseAsync();

function count(files: SourceFile[]): Record<string, number | string[]> {
  const lengths = files.map(({ text }) => text.split('\n').length - 1).sort((a, b) => a - b);
  const at = (share: number) =>
    lengths[Math.min(lengths.length - 1, Math.floor(lengths.length * share))] ?? 0;
  return {
    files: files.length,
    'lines, median': at(0.5),
    'lines, 90 of 100 within': at(0.9),
    ...countFunctions(),
    'folders of origin that import each other': findFolderCircles(files, 'origin'),
    'types of one name in several files': findSharedNames(files),
    'private words': findPrivateWords(files),
    [`comment lines over ${longestComment} characters`]: files.reduce(
      (sum, file) => sum + longComments(file),
      0,
    ),
    ...countFlows(),
  };
}

/** Counts with the linter, with rules for this and no others. */
function countFunctions(): Record<string, number> {
  const folder = mkdtempSync(join(tmpdir(), 'myclothes-stats-'));
  const complexity = {
    noExcessiveLinesPerFunction: { level: 'error', options: { maxLines: longestFunction } },
    useMaxParams: { level: 'error', options: { max: mostParameters } },
  };
  writeFileSync(
    join(folder, 'biome.json'),
    JSON.stringify({ linter: { rules: { preset: 'none', complexity } } }),
  );
  try {
    const args = [
      'lint',
      `--config-path=${folder}`,
      '--max-diagnostics=none',
      '--reporter=json',
      ...sourceFolders,
    ];
    const found = runLinter(args);
    const of = (rule: string) => found.filter(({ category }) => category.endsWith(rule)).length;
    return {
      [`functions over ${longestFunction} lines`]: of('noExcessiveLinesPerFunction'),
      [`functions of more than ${mostParameters} parameters`]: of('useMaxParams'),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runLinter(args: string[]): { category: string }[] {
  const stdio: StdioOptions = ['ignore', 'pipe', 'ignore'];
  let text: string;
  try {
    text = execFileSync('biome', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, stdio });
  } catch (error) {
    // The linter exits with 1 if it finds something.
    text = (error as { stdout?: string }).stdout ?? '';
  }
  return (JSON.parse(text) as { diagnostics: { category: string }[] }).diagnostics;
}

function longComments({ text }: SourceFile): number {
  return text.split('\n').filter((line) => /^\s*(\/\/|\/?\*)/.test(line) && line.length > longestComment)
    .length;
}

/** Counts the files that each flow enters, as docs/architecture.md lists them. */
function countFlows(): Record<string, number> {
  const page = 'docs/architecture.md';
  if (!existsSync(page)) return {};
  const sections = readFileSync(page, 'utf8').split(/^## /m).slice(1);
  const flows = sections.map((section) => {
    const [title = ''] = section.split('\n', 1);
    return [`files of the flow "${title.trim()}"`, (section.match(/^\d+\. /gm) ?? []).length] as const;
  });
  return Object.fromEntries(flows.filter(([, files]) => files > 0));
}

function describe(value: number | string[]): string {
  if (typeof value === 'number') return String(value);
  return value.length === 0 ? '0' : `${value.length}: ${value.join(', ')}`;
}
