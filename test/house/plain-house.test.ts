// The repository stays readable: no two folders import each other, and no private words are used.
import { expect, test } from 'vitest';
import {
  findFolderCircles,
  findPrivateWords,
  findSharedNames,
  readSourceFiles,
} from '../../ops-scripts/stats/findings.ts';

test('No two folders of the origin import each other', () => {
  expect(findFolderCircles(readSourceFiles(['origin']), 'origin')).toEqual([]);
});

test('Two folders that import each other are found', () => {
  const files = [
    { path: 'origin/cart/a.ts', text: "import { b } from '../order/b.ts';" },
    { path: 'origin/order/b.ts', text: "import type { A } from '../cart/a.ts';" },
    { path: 'origin/order/c.ts', text: "import { d } from './d.ts'; import { e } from '../errors.ts';" },
  ];
  expect(findFolderCircles(files, 'origin')).toEqual(['cart <-> order']);
});

test('No two files give the same name to an exported type', () => {
  expect(findSharedNames(readSourceFiles())).toEqual([]);
});

test('A name of two meanings is found', () => {
  const files = [
    { path: 'origin/a.ts', text: 'export interface Answer {}' },
    { path: 'edge/b.ts', text: 'export type Answer = string;' },
    { path: 'edge/c.ts', text: 'interface Other {}' },
  ];
  expect(findSharedNames(files)).toEqual(['Answer']);
});

test('No source file uses a private word where the glossary has a plain one', () => {
  expect(findPrivateWords(readSourceFiles())).toEqual([]);
});

test('A private word is found in a comment and in a name', () => {
  const files = [
    { path: 'origin/a.ts', text: '// The undertaker ends what is left.' },
    { path: 'origin/b.ts', text: 'hintWorker();' },
    { path: 'origin/c.ts', text: 'const hint = 1;' },
  ];
  expect(findPrivateWords(files)).toEqual([
    'origin/a.ts: write "orphan reaper" instead of undertaker',
    'origin/b.ts: write "wakeWorker" instead of hintWorker',
  ]);
});
