// Answers shared pages from memory before the router, by the address as the client wrote it.
// The router gives the same answers, and all others.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import { chooseEncoding, type Encoding, matchesEntityTag } from '../../../http/negotiation.ts';
import type { ReadResult } from '../../cache/entry.ts';
import type { FencedCache } from '../../cache/fenced-cache.ts';
import { type FinishHeaders, serverTiming } from '../response-headers.ts';
import { bodyOf, type Representation } from '../shared/representation.ts';
import { composeAnswer, etagOf } from '../shared/shared-response.ts';
import type { CountAnswer } from './load-shedding.ts';

export interface WarmPageResponder {
  /** @param target path and query as the client wrote them */
  remember(target: string, key: string): void;
  /**
   * @param otherwise called where the address needs the router after all
   * @returns false for an address that is not remembered
   */
  answer(incoming: IncomingMessage, outgoing: ServerResponse, otherwise: () => void): boolean;
}

const mostTargets = 5_000;
const longestTarget = 500;

export interface WarmPageResponderParts {
  cache: Pick<FencedCache, 'recall' | 'recheck'>;
  countAnswer: CountAnswer;
  /** Milliseconds since 1970. */
  now: () => number;
}

export function createWarmPageResponder(
  parts: WarmPageResponderParts,
  finish: FinishHeaders,
): WarmPageResponder {
  const { cache } = parts;
  const known = new LRUCache<string, string>({ max: mostTargets });
  const write = createWriter(finish, parts);
  return {
    remember(target, key) {
      if (target.length <= longestTarget) known.set(target, key);
    },
    answer(incoming, outgoing, otherwise) {
      const key = isPlainRead(incoming) ? known.get(incoming.url!) : undefined;
      if (key === undefined) return false;
      const startedAtMs = performance.now();
      const recalled = cache.recall<Representation>(key);
      if (recalled !== undefined) {
        write(incoming, outgoing, recalled, startedAtMs);
        return true;
      }
      cache.recheck<Representation>(key).then((result) => {
        if (result === undefined) otherwise();
        else write(incoming, outgoing, result, startedAtMs);
      }, otherwise);
      return true;
    },
  };
}

const plainHost = /^[\w.:[\]-]+$/;

/**
 * Accepts reads without a body, because an unread body would make the connection unusable. The router judges unusual
 * Host values.
 */
function isPlainRead({ method, headers }: IncomingMessage): boolean {
  return (
    (method === 'GET' || method === 'HEAD') &&
    plainHost.test(headers.host ?? '') &&
    headers['content-length'] === undefined &&
    headers['transfer-encoding'] === undefined
  );
}

interface Prepared {
  status: number;
  /** Names and values alternate, as `writeHead` takes them. Server-Timing is not included. */
  head: string[];
  hasBody: boolean;
}

type PreparedAnswers = Partial<Record<Encoding, Prepared>>;

function createWriter(finish: FinishHeaders, { countAnswer, now }: WarmPageResponderParts) {
  const whole = new WeakMap<Representation, PreparedAnswers>();
  const unchanged = new WeakMap<Representation, PreparedAnswers>();

  const prepare = (result: ReadResult<Representation>, encoding: Encoding, isKnown: boolean): Prepared => {
    const { status, headers, body } = composeAnswer(result, { encoding, isKnown, nowMs: now() });
    const all = new Headers(headers);
    finish(all);
    if (body !== undefined) all.set('Content-Length', String(body.length));
    return { status, head: [...all].flat(), hasBody: body !== undefined };
  };

  return (
    { method, headers }: IncomingMessage,
    outgoing: ServerResponse,
    result: ReadResult<Representation>,
    startedAtMs: number,
  ): void => {
    const { value } = result;
    const encoding = chooseEncoding(headers['accept-encoding'] as string | undefined, value.bodies);
    const isKnown =
      value.status === 200 && matchesEntityTag(headers['if-none-match'], etagOf(value, encoding));
    const answers = isKnown ? unchanged : whole;
    const make = () => prepare(result, encoding, isKnown);
    // For a page whose price will change, the lifetime at the edge is computed anew each time.
    const prepared = result.until === undefined ? remembered(answers, value, encoding, make) : make();
    outgoing.writeHead(prepared.status, [...prepared.head, 'Server-Timing', serverTiming(startedAtMs)]);
    outgoing.end(prepared.hasBody && method !== 'HEAD' ? bodyOf(value, encoding) : undefined);
    countAnswer(prepared.status, startedAtMs);
  };
}

function remembered(
  answers: WeakMap<Representation, PreparedAnswers>,
  value: Representation,
  encoding: Encoding,
  prepare: () => Prepared,
): Prepared {
  let ofValue = answers.get(value);
  if (ofValue === undefined) {
    ofValue = {};
    answers.set(value, ofValue);
  }
  ofValue[encoding] ??= prepare();
  return ofValue[encoding];
}
