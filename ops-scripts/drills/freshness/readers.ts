// Readers of one address: some read in a closed loop, one sends at a fixed rate, whether or not earlier requests ended.
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import {
  fieldOf,
  type HttpConnection,
  openConnection,
  type RawAnswer,
} from '../../traffic/http-connection.ts';
import type { SeededRandom } from '../../traffic/seeded-random.ts';
import type { ReadValues, SeenValue } from './read-values.ts';
import type { Target } from './subjects.ts';

export interface Door {
  name: string;
  url: string;
}

/** One answer, and the values that it shows. */
export interface Read {
  door: Door;
  target: Target;
  /** The lowest value of each slot that the answer may show. */
  floors: Int32Array;
  beganAtMs: number;
  status: number;
  seen: SeenValue[];
  head: string;
  /** The shop's code of an answer 5xx. */
  refusal?: string;
}

export interface ReaderOptions {
  door: Door;
  targets: Target[];
  random: SeededRandom;
  eager: number;
  now: () => number;
  floors: () => Int32Array;
  see: ReadValues;
  onRead: (read: Read) => void;
  onUnanswered: () => void;
  signal: AbortSignal;
}

interface Kept {
  etag: string;
  seen: SeenValue[];
}

const timeoutMs = 20_000;
const restMs = 100;
const paceMs = 40;
const mostWaiting = 100;

/** Resolves once every request has ended after `signal`. */
export async function readAtDoor(options: ReaderOptions): Promise<void> {
  const kept = new Map<string, Kept>();
  const eager = Array.from({ length: options.eager }, () => readOnAndOn(options, kept));
  await Promise.all([...eager, readAtPace(options, kept)]);
}

async function readOnAndOn(options: ReaderOptions, kept: Map<string, Kept>): Promise<void> {
  const socket = openConnection(options.door.url, timeoutMs);
  while (!options.signal.aborted) {
    if (!(await readOnce(options, kept, socket))) await delay(restMs);
  }
  socket.close();
}

async function readAtPace(options: ReaderOptions, kept: Map<string, Kept>): Promise<void> {
  const idle: HttpConnection[] = [];
  const running = new Set<Promise<void>>();
  while (!options.signal.aborted) {
    if (running.size < mostWaiting) {
      const socket = idle.pop() ?? openConnection(options.door.url, timeoutMs);
      const one = readOnce(options, kept, socket).then(() => {
        idle.push(socket);
        running.delete(one);
      });
      running.add(one);
    }
    await delay(paceMs);
  }
  await Promise.all(running);
  for (const socket of idle) socket.close();
}

/** @returns whether an answer came */
async function readOnce(
  options: ReaderOptions,
  kept: Map<string, Kept>,
  socket: HttpConnection,
): Promise<boolean> {
  const { door, random, now } = options;
  const target = random.pick(options.targets);
  const fate = random.next();
  const known = fate < 0.2 ? kept.get(target.path) : undefined;
  const zipped = fate > 0.95;
  const fields = known ? `If-None-Match: ${known.etag}\r\n` : zipped ? 'Accept-Encoding: gzip\r\n' : '';
  const floors = options.floors();
  const beganAtMs = now();
  let answer: RawAnswer;
  try {
    answer = await socket.get(target.path, fields);
  } catch {
    options.onUnanswered();
    return false;
  }
  const { status, head } = answer;
  const seen = look(options, target, answer, known);
  const etag = fieldOf(head, 'etag');
  if (status === 200 && !zipped && etag !== undefined) kept.set(target.path, { etag, seen });
  options.onRead({
    door,
    target,
    floors,
    beganAtMs,
    status,
    seen,
    head,
    ...(status >= 500 ? { refusal: codeOf(answer) } : {}),
  });
  return status < 500;
}

/** A 304 means that the stored body is still right, so it counts as shown again. */
function look(
  options: ReaderOptions,
  target: Target,
  { status, head, body }: RawAnswer,
  known: Kept | undefined,
): SeenValue[] {
  if (status === 304) return known?.seen ?? [];
  return options.see(
    target,
    status,
    fieldOf(head, 'content-encoding') === 'gzip' ? gunzipSync(body()) : body(),
  );
}

function codeOf({ status, body }: RawAnswer): string {
  const code = /"code":"([^"]*)"/.exec(body().toString('latin1'))?.[1];
  return code === undefined ? String(status) : `${status} ${code}`;
}
