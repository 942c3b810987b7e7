// The documents only name files that exist, and docs/architecture.md keeps each flow short enough to read.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const mostFiles = 15;
/** This flow may have more files than a request's flow. */
const unbounded = 'Compliance check live';

interface Step {
  number: number;
  shown: string;
  target: string;
}

/** The numbered steps of each flow, by the flow's title. */
function readFlows(text: string): Map<string, Step[]> {
  const sections = text.split(/^## /m).slice(1);
  return new Map(
    sections.map((section) => {
      const steps = [...section.matchAll(/^(\d+)\. \[`([^`]+)`\]\(([^)]+)\): \S.*\.$/gm)];
      return [
        section.split('\n', 1)[0]!,
        steps.map(([, number, shown, target]) => ({
          number: Number(number),
          shown: shown!,
          target: target!,
        })),
      ];
    }),
  );
}

/** Targets of links within the repository, without their anchors. */
function linksIn(text: string): string[] {
  const withoutCode = text.replaceAll(/```.*?```/gs, '');
  const targets = [...withoutCode.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)];
  return targets
    .map(([, link, image]) => (link ?? image)!.split('#')[0]!)
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target));
}

const text = readFileSync('docs/architecture.md', 'utf8');
const flows = [...readFlows(text)];

test('docs/architecture.md tells five flows, and every numbered line is a step of one', () => {
  expect(flows.map(([title]) => title)).toHaveLength(5);
  const lines = [...text.matchAll(/^\d+\. /gm)];
  expect(flows.reduce((sum, [, steps]) => sum + steps.length, 0)).toBe(lines.length);
});

test.each(flows)('The flow "%s" names files that exist, in order', (_title, steps) => {
  expect(steps.map(({ number }) => number)).toEqual(steps.map((_, index) => index + 1));
  expect(steps.map(({ target }) => target)).toEqual(steps.map(({ shown }) => `../${shown}`));
  expect(steps.map(({ shown }) => shown).filter((file) => !existsSync(file))).toEqual([]);
});

test.each(flows.filter(([title]) => title !== unbounded))(
  `The flow "%s" enters at most ${mostFiles} files`,
  (_title, steps) => {
    expect(steps.length).toBeGreaterThan(0);
    expect(steps.length).toBeLessThanOrEqual(mostFiles);
  },
);

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

test('A link in the documents that names a file leads to the file of that name', () => {
  const named = /\[`?([\w./-]+\.(?:ts|css|yaml|md))`?\]\(([^)#]+)/g;
  const misnamed = documents.flatMap((document) =>
    [...readFileSync(document, 'utf8').matchAll(named)]
      .filter(([, name = '', target = '']) => basename(name) !== basename(target))
      .map(([link]) => `${document}: ${link})`),
  );
  expect(misnamed).toEqual([]);
});

test('Every link in the documents leads to a file or folder that exists', () => {
  const broken = documents.flatMap((document) =>
    linksIn(readFileSync(document, 'utf8'))
      .filter((target) => !existsSync(join(dirname(document), target)))
      .map((target) => `${document}: ${target}`),
  );
  expect(broken).toEqual([]);
});
