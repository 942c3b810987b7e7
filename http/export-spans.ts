// Sends spans to a collector by OTLP over HTTP. Loaded only where OTEL_EXPORTER_OTLP_ENDPOINT is set.
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { setTracer } from './tracing.ts';

export interface ExportOptions {
  /** The collector's URL, without `/v1/traces`. */
  endpoint: string;
  /** `origin`, `worker` or `edge`. */
  service: string;
  /** Zone and instance, as in `Served-By`. */
  instance: string;
  log: { warn(fields: Record<string, unknown>, message: string): void };
}

export interface ExportedSpans {
  /** Sends the remaining spans, for at most a second. */
  stop(): Promise<void>;
}

const stopMs = 1_000;

/** Keeps at most 2,048 spans in memory. If the collector is unreachable, only spans are lost. */
export function exportSpans({ endpoint, service, instance, log }: ExportOptions): ExportedSpans {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: 5_000,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.namespace': 'myclothes',
      'service.name': `myclothes-${service}`,
      'service.instance.id': instance,
    }),
    // Spans of a caller that does not sample are not sampled here either.
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    spanProcessors: [
      new BatchSpanProcessor({ exporter: sayOnce(exporter, log), scheduledDelayMillis: 1_000 }),
    ],
  });
  setTracer(provider.getTracer('myclothes'));
  return {
    async stop() {
      setTracer(undefined);
      const flushed = provider.shutdown().catch(() => undefined);
      let timer: NodeJS.Timeout | undefined;
      const tooLate = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, stopMs);
      });
      await Promise.race([flushed, tooLate]);
      clearTimeout(timer);
    },
  };
}

/** An unreachable collector is logged once, until it answers again. */
function sayOnce(exporter: SpanExporter, log: ExportOptions['log']): SpanExporter {
  let isAway = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined;
        if (failed && !isAway) log.warn({ err: result.error }, 'Cannot send spans to the collector');
        isAway = failed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
