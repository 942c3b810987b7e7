// Serves the edge's metrics on a port of their own, so that shoppers cannot reach them.
import { createServer, type Server } from 'node:http';
import { type Measured, metricsContentType, writeMetrics } from './metrics.ts';

export function createMetricsServer(measured: Measured): Server {
  return createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?', 1)[0] !== '/metrics')
      return void response.writeHead(404, { 'cache-control': 'no-store' }).end();
    response.writeHead(200, { 'content-type': metricsContentType, 'cache-control': 'no-store' });
    response.end(writeMetrics(measured));
  });
}
