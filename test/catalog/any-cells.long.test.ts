import { test } from 'vitest';
import { exportsStayTheSame } from './any-cells.ts';

test(
  'Whatever stands in files of thousands of histories, an export imports as no change',
  () => exportsStayTheSame(5_000),
  900_000,
);
