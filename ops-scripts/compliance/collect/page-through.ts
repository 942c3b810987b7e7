// Reads all pages of a call and merges them; a page that fails makes the whole call fail.
import type { CallOutcome } from '../snapshot.ts';
import type { TableCall } from './call-table.ts';

/** Far above what any account holds; a server that never ends its pages is not believed. */
const maxPages = 2_000;

type Answer = Record<string, unknown>;

/**
 * Asks page after page through `ask` and merges the items of the call's list.
 * Never rejects: what goes wrong is the outcome, with the number of the page that it happened on.
 */
export async function pageThrough(
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

/** What a JSON file can hold (times as text), without the transport's details. */
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
  // What is neither the service's own error nor the network's was an answer that can't be read.
  return 'Garbled';
}

function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The SDK appends a hint for programmers to what it can't read.
  return (error.message.split('\n')[0] ?? '').slice(0, 300);
}
