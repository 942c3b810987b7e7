// Law: an import does not change columns that are absent from its file.
import type { PartialImport } from '../life.ts';
import { cellsOf, readFileOf } from '../product-files/product-file.ts';
import { defineLaw } from './law.ts';

/** It changes with every order; a law of its own holds it. */
const stockColumn = 'Variant Inventory Qty';

export const absentColumnsStay = defineLaw<PartialImport[]>({
  name: 'absent-columns-stay',
  // Judged once; a long life keeps no files.
  gather: async ({ record }) => record.partialImports,
  judge: (imports) => imports.flatMap(judgeImport),
});

function judgeImport({ columns, handles, before, after }: PartialImport): string[] {
  const [was, is] = [readFileOf(before), readFileOf(after)];
  const absent = was.columns.filter((column) => !columns.includes(column) && column !== stockColumn);
  return handles.flatMap((handle) =>
    absent.flatMap((column) => {
      const [then, now] = [was, is].map((file) =>
        cellsOf(file.byHandle.get(handle) ?? [], column).join('\n'),
      );
      return then === now
        ? []
        : [
            `A file of ${columns.join(', ')} changed ${column} of ${handle} from “${short(then)}” to “${short(now)}”`,
          ];
    }),
  );
}

function short(text = ''): string {
  return text.replace(/\n+/g, ' | ').slice(0, 120);
}
