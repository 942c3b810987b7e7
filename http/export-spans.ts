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
  /** Without `/v1/traces`. */
  endpoint: string;
  /** `origin`, `worker` or `edge`. */
  service: string;
  /** As in `Served-By`. */
  instance: string;
  log: { warn(fields: Record<string, unknown>, message: string): void };
}

export interface ExportedSpans {
  /** Sends what is left, for at most a second. */
  stop(): Promise<void>;
}

const stopMs = 1_000;

/** Spans wait in memory, 2,048 at most: a collector that is away costs the shop nothing but them. */
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
    // What the caller does not sample is not sampled here.
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

/** A collector that is away is one line in the log, until it answers again. */
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
