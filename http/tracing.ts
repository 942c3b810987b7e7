// Makes OpenTelemetry spans where a collector is configured.
// Without one, each function here returns after one comparison.
import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';

/** One tracer for the process, because a request or job passes through parts that do not know each other. */
let tracer: Tracer | undefined;

/** @param chosen undefined: no further spans are made */
export function setTracer(chosen: Tracer | undefined): void {
  tracer = chosen;
}

export function isTracing(): boolean {
  return tracer !== undefined;
}

export interface SpanToBegin {
  /** A kind of work, without ids, such as `job mail`. There are only a few. */
  name: string;
  kind: 'server' | 'client' | 'consumer';
  /** A W3C `traceparent`; undefined: the span that runs now. */
  parent?: string | null | undefined;
  /** Never a path, an address or a payload, because those hold secrets and personal data. */
  attributes?: Attributes;
}

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER };

/** Runs `run` within a span that ends with it, and rethrows its errors. @param run gets no span where tracing is off */
export async function withSpan<T>(
  { name, kind, parent, attributes }: SpanToBegin,
  run: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  if (tracer === undefined) return run(undefined);
  const above = typeof parent === 'string' ? below(parent) : context.active();
  const span = tracer.startSpan(name, { kind: kinds[kind], attributes: attributes ?? {} }, above);
  try {
    return await context.with(trace.setSpan(above, span), run, undefined, span);
  } catch (error) {
    markFailed(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Begins a span below the running one. @returns undefined outside of any, so that idle polling makes no traces */
export function beginCall(name: string, attributes: Attributes): Span | undefined {
  if (tracer === undefined || trace.getActiveSpan() === undefined) return undefined;
  return tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes });
}

/** Records only the kind of an error, because its message may hold an address. */
export function markFailed(span: Span, error: unknown): void {
  const { name = 'Error', code } = (error ?? {}) as { name?: string; code?: unknown };
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', typeof code === 'string' ? code : name);
}

/** The running span as a W3C `traceparent`; undefined outside of any. */
export function activeTraceparent(): string | undefined {
  if (tracer === undefined) return undefined;
  const span = trace.getActiveSpan();
  return span === undefined ? undefined : toTraceparent(span);
}

export function toTraceparent(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** An invalid `traceparent` starts a new trace. */
function below(traceparent: string): Context {
  const [version, traceId = '', spanId = '', flags = '00'] = traceparent.split('-');
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  const root = trace.deleteSpan(context.active());
  return version === '00' && isSpanContextValid(parent) ? trace.setSpanContext(root, parent) : root;
}
