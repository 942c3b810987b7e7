// Describes validation faults in plain sentences, for problem documents and form fields.
import { z } from '@hono/zod-openapi';

/** One fault of a request. */
export interface InputFault {
  /** JSON pointer (RFC 6901, as a fragment) to the place in the body. */
  pointer?: string;
  /** Name of the parameter or header, if the fault is not in the body. */
  parameter?: string;
  /** The same place with dots, such as `shippingAddress.city`. */
  field: string;
  message: string;
}

type Issue = z.core.$ZodRawIssue;

// Applies only to faults for which a schema states no message.
z.config({ customError: (issue) => describeIssue(issue) });

/** A short body may still have a thousand unknown members, each of which would be a sentence. */
const mostFaults = 20;

/** @param target the validator's name of the input: `json`, `query`, `param` or `header` */
export function readFaults(target: string, issues: z.core.$ZodIssue[]): InputFault[] {
  return issues
    .flatMap(({ path, message, ...issue }) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => toFault(target, [...path, key], 'is not known here'))
        : [toFault(target, path, message)],
    )
    .slice(0, mostFaults);
}

export function describeFault({ field, message }: InputFault): string {
  return field === '' ? message : `${field}: ${message}`;
}

function toFault(target: string, path: PropertyKey[], message: string): InputFault {
  const names = path.map(String);
  const field = names.join('.');
  if (target !== 'json' && target !== 'form') return { parameter: field, field, message };
  return { pointer: ['#', ...names.map(escapeForPointer)].join('/'), field, message };
}

/** Escapes a name for a JSON pointer in a URI fragment (RFC 6901, 3 and 6). */
function escapeForPointer(name: string): string {
  return encodeURI(name.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'));
}

const kinds: Record<string, string> = {
  string: 'must be text',
  int: 'must be a whole number',
  number: 'must be a number',
  boolean: 'must be true or false',
  object: 'must be an object',
  array: 'must be a list',
};
const formats: Record<string, string> = {
  email: 'must be an e-mail address',
  datetime: 'must be a time (ISO 8601)',
};

function describeIssue(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing';
      return kinds[issue.expected] ?? 'is of another kind than is asked for';
    case 'too_small':
      if (issue.origin === 'string' && issue.minimum === 1) return 'must not be empty';
      return `${mustBe[issue.origin] ?? 'must be'} at least ${issue.minimum}${unitOf(issue.origin, issue.minimum)}`;
    case 'too_big':
      return `${mustBe[issue.origin] ?? 'must be'} at most ${issue.maximum}${unitOf(issue.origin, issue.maximum)}`;
    case 'invalid_format':
      return formats[issue.format] ?? 'has another form than is asked for';
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.join(', ')}`;
    case 'unrecognized_keys':
      return `${issue.keys.join(', ')}: not known here`;
    default:
      return 'cannot be read';
  }
}

const mustBe: Record<string, string> = { string: 'must have', array: 'must have' };

function unitOf(origin: string, count: number | bigint): string {
  const isOne = Number(count) === 1;
  if (origin === 'string') return isOne ? ' character' : ' characters';
  if (origin === 'array') return isOne ? ' entry' : ' entries';
  return '';
}
