// Parameter files in each of CloudFormation's formats, and the parameters that no template declares.
import { parse } from 'yaml';
import { ConfigFault } from '../config-fault.ts';
import { isRecord, type Template } from './parse-template.ts';

/**
 * Values by name of a list of `ParameterKey` and `ParameterValue`, a list of `Name=value`, `{"Parameters": {…}}`, or
 * a plain map. Throws a ConfigFault that names the file and the place.
 */
export function parseParameters(text: string, file: string): Record<string, string> {
  let parsed: unknown;
  try {
    parsed = parse(text, { logLevel: 'error' });
  } catch (error) {
    const [why] = (error as Error).message.split('\n');
    throw new ConfigFault(`Cannot read '${file}' as parameters: ${why}`, { cause: error });
  }
  const entries = Array.isArray(parsed)
    ? parsed.flatMap((item) => readItem(item, file))
    : readMap(parsed, file);
  return Object.fromEntries(entries.map(([name, value]) => [name, readValue(value, name, file)]));
}

function readItem(item: unknown, file: string): [string, unknown][] {
  if (typeof item === 'string' && item.indexOf('=') > 0) {
    const at = item.indexOf('=');
    return [[item.slice(0, at), item.slice(at + 1)]];
  }
  if (!isRecord(item) || typeof item['ParameterKey'] !== 'string')
    throw new ConfigFault(`Cannot read '${file}' as parameters: an item of the list has no 'ParameterKey'`);
  const { ParameterKey: name, ParameterValue: value, UsePreviousValue: previous } = item;
  // The value before is not told here.
  return value === undefined && previous === true ? [] : [[name as string, value]];
}

function readMap(parsed: unknown, file: string): [string, unknown][] {
  if (!isRecord(parsed))
    throw new ConfigFault(`Cannot read '${file}' as parameters as it is neither a list nor an object`);
  const inner = parsed['Parameters'];
  return Object.entries(isRecord(inner) ? inner : parsed);
}

function readValue(value: unknown, name: string, file: string): string {
  if (Array.isArray(value)) return value.map((item) => readValue(item, name, file)).join(',');
  if (['string', 'number', 'boolean'].includes(typeof value)) return String(value);
  throw new ConfigFault(`Cannot read '${file}' as parameters: the value of '${name}' is no text`);
}

/** A name that no template declares is a mistake: CloudFormation refuses it too. */
export function checkParameters(given: Record<string, string>, templates: Template[]): void {
  const declared = new Set(templates.flatMap(({ Parameters }) => Object.keys(Parameters)));
  const name = Object.keys(given).find((each) => !declared.has(each));
  if (name === undefined) return;
  const names = [...declared].sort().join(', ');
  const files = templates.map(({ file }) => file).join(', ');
  throw new ConfigFault(
    `There is no parameter '${name}' in ${files}${names === '' ? ', which has none' : `; there are ${names}`}`,
  );
}
