// Builds the next release from this one: another style sheet and script, and a schema with an additional column.
import { appendFile, cp, mkdtemp, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const thisRelease = fileURLToPath(new URL('../../../', import.meta.url));

const migration = `import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql\`set local lock_timeout = '2s'\`.execute(db);
  for (const table of ['products', 'variants', 'carts', 'orders', 'outbox'])
    await sql\`alter table \${sql.table(table)} add column of_next_release text, add column with_default integer not null default 1\`.execute(db);
  await sql\`create table next_release (id bigint primary key)\`.execute(db);
}
`;

/**
 * Other files of the origin, the same packages.
 * @returns the folder to start it from.
 */
export async function makeNextRelease(within: string): Promise<string> {
  const folder = await mkdtemp(join(within, 'release-'));
  for (const part of ['http', 'origin'])
    await cp(join(thisRelease, part), join(folder, part), { recursive: true, verbatimSymlinks: true });
  await cp(join(thisRelease, 'package.json'), join(folder, 'package.json'));
  await symlink(await realpath(join(thisRelease, 'node_modules')), join(folder, 'node_modules'));
  const origin = join(folder, 'origin');
  const mark = `\n/* ${basename(folder)} */\n`;
  await appendFile(join(origin, 'web/assets/styles/9-print.css'), mark);
  await appendFile(join(origin, 'web/assets/shop.js'), mark);
  await writeFile(join(origin, 'postgres/migrations/9999-next-release.ts'), migration);
  await edit(join(origin, 'postgres/migrate.ts'), (text) =>
    text
      .replace(/^import \* as/m, "import * as nextRelease from './migrations/9999-next-release.ts';\n$&")
      .replace(/^const migrations: .*= \{$/m, "$&\n  '9999-next-release': nextRelease,"),
  );
  return folder;
}

/** @throws where nothing was changed: the file is no longer what was thought. */
async function edit(file: string, change: (text: string) => string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const changed = change(text);
  if (changed === text) throw new Error(`Cannot make the next release as ${file} has another form`);
  await writeFile(file, changed);
}
