// Validates OCSF events and SARIF logs by their published definitions (see report/extract-schemas.ts).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

function validator(name: string) {
  const file = join(import.meta.dirname, `../report/fixtures/${name}.json`);
  const ajv = new Ajv({ allErrors: true, strict: false });
  addFormats.default(ajv);
  const validate = ajv.compile(JSON.parse(readFileSync(file, 'utf8')));
  return (text: string): string[] => {
    validate(JSON.parse(text));
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
}

/** The faults of the text as a Compliance Finding of OCSF 1.3.0; empty if it is valid. */
export const ocsfFaults = validator('ocsf-1.3.0');

/** The faults of the text by the schema of SARIF 2.1.0 and by its section 3.27.10; empty if it is valid. */
export function sarifFaults(text: string): string[] {
  const { runs } = JSON.parse(text) as { runs: { results: { kind: string; level: string }[] }[] };
  const results = runs.flatMap(({ results: own }) => own);
  const odd = results.filter(({ kind, level }) => kind !== 'fail' && level !== 'none');
  return [...schemaFaults(text), ...odd.map(({ kind }) => `a level stands beside the kind ${kind}`)];
}

const schemaFaults = validator('sarif-2.1.0');
