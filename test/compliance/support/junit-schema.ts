// Validates JUnit XML with libxml2 against the published XSD (Windy Road's, of Ant's JUnitReport).
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { validateXML } from 'xmllint-wasm';

const folder = dirname(createRequire(import.meta.url).resolve('junit-xml/package.json'));

/** The package contains the schema as text in one of its tests. */
const [, quoted] = /antJunitSchema =\s*'((?:[^'\\]|\\.)*)'/.exec(
  readFileSync(join(folder, 'src/index.test.ts'), 'utf8'),
) ?? [undefined, ''];
const older = quoted!.replaceAll(/\\(.)/g, '$1');
const choice = '<xs:choice minOccurs="0">';
/** The package's copy lacks the element `skipped`, which the published schema has at the beginning of this choice. */
const schema = older.replace(choice, `${choice}<xs:element name="skipped"/>`);

/** The faults of the text by the schema; empty if it is valid. */
export async function junitFaults(xml: string): Promise<string[]> {
  if (schema === older) throw new Error('Cannot find the XSD of JUnit in junit-xml');
  const { errors } = await validateXML({ xml: [xml], schema: [schema] });
  return errors.map(({ message }) => message);
}
