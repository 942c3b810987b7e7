// Collects a snapshot from live AWS. A failed call is recorded in the snapshot and never ends the collection.
import { type CallOutcome, emptySnapshot, type Snapshot, sortedJson } from '../snapshot.ts';
import { CollectedAnswers } from './call-inputs.ts';
import { callRounds, type TableCall } from './call-table.ts';
import {
  type AwsAccess,
  type AwsClients,
  askAccount,
  checkAccess,
  makeClients,
  withinDeadline,
} from './clients.ts';

export interface CollectOptions extends AwsAccess {
  /** How long one page of one call may take, its retries included; default 10,000. */
  callDeadlineMs?: number;
  /**
   * How long the whole collection may take; default 300,000. Calls that have not ended by then are recorded as timed
   * out.
   */
  totalDeadlineMs?: number;
  /** The most calls that run at a time; default 12. */
  concurrency?: number;
  /** Attempts for each request, with adaptive back-off between them; default 6. */
  maxAttempts?: number;
  /** Default: one line on standard error if that is a terminal. */
  progress?: Progress;
  now?: () => Date;
}

interface PlannedCall {
  call: TableCall;
  input: object;
  key: string;
}

/**
 * Asks AWS for everything that the controls read.
 * Throws a ConfigFault without a region or usable credentials. Every other fault is recorded in the snapshot.
 */
export async function collectSnapshot(options: CollectOptions = {}): Promise<Snapshot> {
  const { callDeadlineMs = 10_000, totalDeadlineMs = 300_000, concurrency = 12, maxAttempts = 6 } = options;
  const { progress = progressOn(process.stderr), now = () => new Date() } = options;
  using clients = makeClients(options, concurrency, maxAttempts);
  const refused = new AbortController();
  const stop = AbortSignal.any([AbortSignal.timeout(totalDeadlineMs), refused.signal]);
  const region = await checkAccess(clients, options, callDeadlineMs, stop);
  const snapshot = emptySnapshot('', region, now());
  // This runs beside the other calls, so that an STS that does not answer delays none of them.
  const account = askAccount(clients, callDeadlineMs, stop);
  account.catch(() => refused.abort());
  let known = 0;
  let made = 0;
  for (const round of callRounds) {
    const planned = planRound(round, new CollectedAnswers(snapshot.calls));
    known += planned.length;
    await boundedMap(planned, concurrency, async ({ call, input, key }) => {
      snapshot.calls[key] = await pageThrough(call, input, (page) =>
        withinDeadline(callDeadlineMs, stop, (signal) => send(clients, call, page, signal)),
      );
      made += 1;
      progress.step(made, known, `${call.client}.${call.command}`);
    });
  }
  progress.end();
  return { ...snapshot, account: await account };
}

function planRound(round: TableCall[], answers: CollectedAnswers): PlannedCall[] {
  return round.flatMap((call) => {
    const name = `${call.client}.${call.command}`;
    if (call.inputs === undefined) return [{ call, input: {}, key: name }];
    return call.inputs(answers).map((input) => ({ call, input, key: `${name}(${sortedJson(input)})` }));
  });
}

/** The table pairs each command with its client, which the compiler can't see. */
function send(clients: AwsClients, call: TableCall, input: object, abortSignal: AbortSignal) {
  const client = clients[call.client] as unknown as {
    send(command: object, options: { abortSignal: AbortSignal }): Promise<Record<string, unknown>>;
  };
  return client.send(new call.Command(input as never), { abortSignal });
}

/** Far more than any account has. It stops a server whose pages never end. */
const maxPages = 2_000;

type Answer = Record<string, unknown>;

/**
 * Asks for page after page by `ask` and merges the items of the call's list.
 * Never rejects: an error becomes the outcome, with the number of the page on which it happened.
 */
async function pageThrough(
  call: TableCall,
  input: object,
  ask: (input: object) => Promise<Answer>,
): Promise<CallOutcome> {
  const items: unknown[] = [];
  const tokens = new Set<string>();
  let next: Answer = {};
  for (let page = 1; page <= maxPages; page += 1) {
    let answer: Answer;
    try {
      answer = await ask({ ...input, ...call.pageSize, ...next });
    } catch (error) {
      return failed(errorName(error), page, errorMessage(error));
    }
    const list = answer[call.list];
    if (!Array.isArray(list)) return failed('Garbled', page, `the answer has no ${call.list}`);
    items.push(...list);
    const following = call.nextPage?.(answer);
    if (following === undefined) return { ok: true, result: plainData({ ...answer, [call.list]: items }) };
    const token = JSON.stringify(following);
    if (token === '{}' || tokens.has(token)) {
      return failed('Truncated', page, 'more pages are announced, but none can be asked for');
    }
    tokens.add(token);
    next = following;
  }
  return failed('Truncated', maxPages, 'there is no end of pages');
}

/** The answer as JSON can hold it (times as text), without the transport's metadata and the page tokens. */
function plainData(answer: Answer): Answer {
  const { $metadata: _transport, NextToken: _token, NextMarker: _next, Marker: _marker, ...rest } = answer;
  return JSON.parse(JSON.stringify(rest)) as Answer;
}

function failed(name: string, page: number, message: string): CallOutcome {
  return { ok: false, error: { name, message: page === 1 ? message : `page ${page}: ${message}` } };
}

function errorName(error: unknown): string {
  if (!(error instanceof Error)) return 'Error';
  if ('$fault' in error || error.name === 'TimedOut') return error.name;
  if ('code' in error && typeof error.code === 'string') return error.code;
  // An error of neither the service nor the network means that the SDK could not read the answer.
  return 'Garbled';
}

function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The SDK appends a hint for programmers when it can't read an answer.
  return (error.message.split('\n')[0] ?? '').slice(0, 300);
}

/** Maps over items, at most `width` of them at a time, started in order. */
export async function boundedMap<T>(
  items: T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const lane = async () => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}

interface Progress {
  /** `made` calls of at least `known` have ended. `last` names the one that ended now. */
  step(made: number, known: number, last: string): void;
  end(): void;
}

interface Terminal {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** Shows progress as one line that is redrawn on a terminal, and nothing elsewhere. */
function progressOn(stream: Terminal): Progress {
  if (!stream.isTTY) return { step() {}, end() {} };
  const eraseLine = '\r\x1b[2K';
  return {
    step(made, known, last) {
      const line = `asking AWS: ${made} of ${known} calls (${last})`;
      stream.write(eraseLine + line.slice(0, (stream.columns ?? 80) - 1));
    },
    end() {
      stream.write(eraseLine);
    },
  };
}
