// Exports spans of requests and jobs, and of their calls to Postgres and Redis, where a collector is set.
import { tracingChannel } from 'node:diagnostics_channel';
import type { Span } from '@opentelemetry/api';
import pg from 'pg';
import type { ExportedSpans, ExportOptions } from '../http/export-spans.ts';
import { beginCall, markFailed } from '../http/tracing.ts';
import type { Settings } from './config.ts';

const mostLetters = 1_000;

/** Call once, before the stores are connected. @returns undefined, with nothing loaded, where no collector is set */
export async function startTracing(
  { spansEndpoint, zone, instance }: Settings,
  service: string,
  log: ExportOptions['log'],
): Promise<ExportedSpans | undefined> {
  if (spansEndpoint === undefined) return undefined;
  const { exportSpans } = await import('../http/export-spans.ts');
  traceStores();
  return exportSpans({ endpoint: spansEndpoint, service, instance: `${zone}/${instance}`, log });
}

function traceStores(): void {
  traceQueries();
  traceCommands('ioredis:command', ({ command }) => `redis ${String(command).toUpperCase()}`);
  traceCommands('ioredis:batch', () => 'redis pipeline');
}

/** Spans contain statements with placeholders, never values. */
function traceQueries(): void {
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]): unknown {
    const span = beginQuery(args[0]);
    const send = () => (query as (...args: unknown[]) => unknown).apply(this, args);
    if (span === undefined) return send();
    const last = args.length - 1;
    const callback = args[last];
    if (typeof callback === 'function') {
      args[last] = (error: unknown, ...rest: unknown[]) => {
        end(span, error);
        callback(error, ...rest);
      };
      return send();
    }
    const sent = send();
    if (!(sent instanceof Promise)) {
      // The end of a cursor is not visible here.
      span.end();
      return sent;
    }
    sent.then(
      () => end(span, undefined),
      (error: unknown) => end(span, error),
    );
    return sent;
  } as typeof query;
}

function beginQuery(asked: unknown): Span | undefined {
  const text = typeof asked === 'string' ? asked : (asked as { text?: unknown } | undefined)?.text;
  if (typeof text !== 'string') return undefined;
  const [verb = 'query'] = text.trimStart().split(/\s/, 1);
  return beginCall(`postgres ${verb.toUpperCase().slice(0, 20)}`, {
    'db.system.name': 'postgresql',
    'db.query.text': text.slice(0, mostLetters),
  });
}

interface TracedCommand {
  command?: unknown;
  error?: unknown;
}

/**
 * ioredis reports its commands by Node's tracing channels. Arguments are left out, because they hold keys and values.
 */
function traceCommands(channel: string, nameOf: (traced: TracedCommand) => string): void {
  const spans = new WeakMap<object, Span>();
  tracingChannel<string, TracedCommand>(channel).subscribe({
    start(traced) {
      const span = beginCall(nameOf(traced), { 'db.system.name': 'redis' });
      if (span !== undefined) spans.set(traced, span);
    },
    end: () => undefined,
    asyncStart: () => undefined,
    asyncEnd(traced) {
      const span = spans.get(traced);
      if (span !== undefined) end(span, traced.error);
    },
    error: () => undefined,
  });
}

function end(span: Span, error: unknown): void {
  if (error !== undefined && error !== null) markFailed(span, error);
  span.end();
}
