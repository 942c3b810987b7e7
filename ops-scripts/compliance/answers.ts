// Reads the AWS answers of a snapshot and says why a list may be incomplete.
// A failed, absent or truncated answer never reads as an empty list.
import {
  type AnswerOf,
  type CallOutcome,
  type ClientName,
  type CommandOf,
  isUnknownValue,
  type Snapshot,
} from './snapshot.ts';

/** The name of a list of objects within an answer. */
type ListIn<T> = { [K in keyof T]-?: NonNullable<T[K]> extends readonly object[] ? K : never }[keyof T] &
  string;
type ItemOf<T, L extends keyof T> = NonNullable<T[L]> extends readonly (infer I)[] ? I : never;

export interface Listed<T> {
  items: T[];
  /** Why there may be more than `items`; empty where the list is whole. */
  unknownReasons: string[];
  /** Whether the snapshot has no such call. */
  absent: boolean;
}

/** The items that all calls of one command listed. */
export interface Answered<T> extends Listed<T> {
  /** `ec2.DescribeInstances` */
  call: string;
}

interface Call {
  key: string;
  input: Record<string, unknown>;
  outcome: CallOutcome;
}

export interface Answers {
  snapshot: Snapshot;
  byCommand: Map<string, Call[]>;
}

export function openAnswers(snapshot: Snapshot): Answers {
  const byCommand = new Map<string, Call[]>();
  for (const [key, outcome] of Object.entries(snapshot.calls)) {
    const [, command, input] = /^([^(]+)(?:\((.*)\))?$/s.exec(key) ?? [];
    if (command === undefined) continue;
    const calls = byCommand.get(command) ?? [];
    calls.push({ key, input: parseInput(input), outcome });
    byCommand.set(command, calls);
  }
  return { snapshot, byCommand };
}

/**
 * Returns one list of a command's answers, over all inputs or over those about `subject`. A failed call, a missing page
 * and an answer without the list each add an unknown reason.
 */
export function listAnswers<C extends ClientName, N extends CommandOf<C>, L extends ListIn<AnswerOf<C, N>>>(
  answers: Answers,
  client: C,
  command: N,
  list: L,
  subject?: string,
): Answered<ItemOf<AnswerOf<C, N>, L>> {
  const name = `${client}.${command}`;
  const calls = (answers.byCommand.get(name) ?? []).filter((call) => isAbout(call, subject));
  const listed: Answered<ItemOf<AnswerOf<C, N>, L>> = {
    call: name,
    items: [],
    unknownReasons: [],
    // A call that failed with "not found" does not count as made.
    absent: calls.every(isNoneOfThatName),
  };
  if (listed.absent) {
    listed.unknownReasons.push(
      subject === undefined
        ? `${name} is not in the snapshot`
        : `${name} for ${subject} is not in the snapshot`,
    );
  }
  let whole = subject !== undefined;
  for (const call of calls) {
    const { key, input, outcome } = call;
    if (!outcome.ok) {
      if (!isNoneOfThatName(call)) listed.unknownReasons.push(sayFailure(key, outcome.error));
      continue;
    }
    const found = outcome.result[list];
    if (isUnknownValue(found))
      listed.unknownReasons.push(`${list} of ${name} cannot be known: ${found.$unknown}`);
    else if (!Array.isArray(found)) listed.unknownReasons.push(`${key} answered without ${list}`);
    else {
      const objects = found.filter(
        (item) => typeof item === 'object' && item !== null && !isUnknownValue(item),
      );
      const unknown = found.filter(isUnknownValue);
      for (const item of unknown)
        listed.unknownReasons.push(`an item of ${key} cannot be known: ${item.$unknown}`);
      if (objects.length + unknown.length < found.length)
        listed.unknownReasons.push(`${key} holds items that cannot be read`);
      listed.items.push(...(objects as ItemOf<AnswerOf<C, N>, L>[]));
    }
    if (isCut(client, outcome.result)) listed.unknownReasons.push(`${key} is truncated: pages are missing`);
    if (!narrows(input)) whole = true;
  }
  if (!whole && listed.unknownReasons.length === 0)
    listed.unknownReasons.push(`${name} was asked for a part only`);
  return listed;
}

/** Unknown reasons of the calls of this command that failed or were cut. An absent call has none. */
export function failuresOf(answers: Answers, name: string): string[] {
  return (answers.byCommand.get(name) ?? []).flatMap((call) => {
    const { key, outcome } = call;
    if (isNoneOfThatName(call)) return [];
    if (!outcome.ok) return [sayFailure(key, outcome.error)];
    return isCut(name.split('.')[0]!, outcome.result) ? [`${key} is truncated: pages are missing`] : [];
  });
}

export function isMade(answers: Answers, name: string): boolean {
  return answers.byCommand.has(name);
}

/**
 * Whether the call failed because AWS has nothing of the name that was asked for. That is an answer, except for prefix
 * lists and launch templates: a rule or a group names them, so they must exist.
 */
function isNoneOfThatName({ key, input, outcome }: Call): boolean {
  if (outcome.ok || !narrows(input) || /PrefixList|LaunchTemplate/.test(key)) return false;
  return /NotFound(Fault|Exception)?$|\.NotFound$|^NoSuch/.test(outcome.error.name);
}

function sayFailure(key: string, error: { name: string; message: string }): string {
  return `${key} failed: ${error.name}${error.message === '' ? '' : ` (${error.message})`}`;
}

function isAbout(call: Call, subject: string | undefined): boolean {
  if (subject === undefined) return true;
  if (Object.keys(call.input).length === 0 || !narrows(call.input)) return true;
  return Object.values(call.input).some((value) =>
    Array.isArray(value) ? value.includes(subject) : value === subject,
  );
}

/** Inputs that leave nothing out of the answer. */
const wholeInputs = new Set([
  'ShowCacheNodeInfo',
  'ShowCacheClustersNotInReplicationGroups',
  'MaxResults',
  'MaxRecords',
  'PageSize',
  'MaxItems',
  'IncludeShared',
  'IncludeManagedResources',
]);

function narrows(input: Record<string, unknown>): boolean {
  return Object.keys(input).some(
    (name) => !wholeInputs.has(name) || (name.startsWith('ShowCacheClustersNot') && input[name] === true),
  );
}

/** Whether the answer itself says that more pages follow. */
function isCut(client: string, result: Record<string, unknown>): boolean {
  // Route 53 repeats the marker of the request in its answer.
  const names = client === 'route53' ? ['IsTruncated'] : ['NextToken', 'NextMarker', 'Marker', 'IsTruncated'];
  return names.some(
    (name) =>
      result[name] !== undefined && result[name] !== '' && result[name] !== null && result[name] !== false,
  );
}

function parseInput(text: string | undefined): Record<string, unknown> {
  if (text === undefined || text === '') return {};
  try {
    const input: unknown = JSON.parse(text);
    return typeof input === 'object' && input !== null
      ? (input as Record<string, unknown>)
      : { unreadable: text };
  } catch {
    return { unreadable: text };
  }
}
