// Serves the origin's metrics on a port of their own, so that no load balancer exposes them.
import type { Registry } from 'prom-client';
import { type Serving, serve } from './serve.ts';

const contentType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export function serveMetrics(registry: Registry, host: string, port: number): Promise<Serving> {
  // Its type knows only the older format.
  registry.setContentType(contentType as never);
  const fetch = async (request: Request): Promise<Response> => {
    if (request.method !== 'GET' || new URL(request.url).pathname !== '/metrics')
      return new Response('Metrics are at /metrics\n', { status: 404 });
    const headers = { 'Content-Type': contentType, 'Cache-Control': 'no-store' };
    return new Response(await registry.metrics(), { headers });
  };
  return serve({ fetch, host, port, setting: 'METRICS_PORT' });
}
