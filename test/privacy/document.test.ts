// docs/privacy.md has the same content as the register of personal data, row by row, with the default periods.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { keepDefaults } from '../../origin/config.ts';
import { describeKept } from '../../origin/privacy/export-person.ts';
import { outsideOfPostgres, type PersonalTable, register } from '../../origin/privacy/register.ts';

const document = readFileSync('docs/privacy.md', 'utf8');

test('Every table with personal data, every column of it and every other place stands in docs/privacy.md', () => {
  for (const [name, table] of Object.entries(register)) expect(document).toContain(rowOf(name, table));
  for (const { title, where, erased, kept } of outsideOfPostgres)
    expect(document).toContain(`| ${title} | ${where} | ${erased} | ${kept} |`);
});

test('Every period of keeping that is a setting stands in docs/privacy.md with its default', () => {
  for (const [name, period] of Object.entries(keepDefaults))
    expect(document).toContain(`| \`${name}\` | ${period} |`);
});

function rowOf(name: string, table: PersonalTable): string {
  const columns = Object.keys(table.personal).map((column) => `\`${column}\``);
  const setting = /KEEP_\w+/.exec(table.kept)?.[0];
  const kept = `${describeKept(table, keepDefaults)}${setting ? ` (\`${setting}\`)` : ''}`;
  return `| ${table.title} | \`${name}\` | ${columns.join(', ')} | ${describeErasure(table)} | ${kept} |`;
}

/** A sentence such as "the row goes", or "`email`: null; `name` stays". */
function describeErasure({ erase, personal, find }: PersonalTable): string {
  if (find.length === 0 && Object.keys(erase).length === 0) return 'no row belongs to a shopper';
  if (erase === 'rows') return 'the rows go';
  const changed = Object.entries(erase).map(([column, how]) => `\`${column}\`: ${how}`);
  const stays = Object.keys(personal).some((column) => !(column in erase));
  return [...changed, ...(stays ? ['the rest stays'] : [])].join('; ');
}
