// Serves drawn pictures. Caches keep them for a year, because a picture's name states all that it shows.
import type { OpenAPIHono } from '@hono/zod-openapi';
import { LRUCache } from 'lru-cache';
import { placeholderName } from '../catalog/product.ts';
import { notFound } from '../errors.ts';
import { createApi } from '../web/api/api.ts';
import type { AppEnv } from '../web/env.ts';
import { compressBody, type Encoded } from '../web/shared/representation.ts';
import { respondKept } from '../web/shared/shared-response.ts';
import { hanger } from './garment/drawing.ts';
import { parseGarmentName, renderGarment } from './garment/render-garment.ts';

interface Picture {
  etag: string;
  bodies: Encoded;
}

const maxBytes = 4 * 1024 * 1024;

export function pictureRoute(): OpenAPIHono<AppEnv> {
  const api = createApi();
  const drawn = new LRUCache<string, Picture>({
    maxSize: maxBytes,
    sizeCalculation: ({ bodies }) =>
      bodies.identity.length + (bodies.br?.length ?? 0) + (bodies.gzip?.length ?? 0),
  });
  api.get('/images/:name', async (c) => {
    const name = c.req.param('name');
    let picture = drawn.get(name);
    if (picture === undefined) {
      picture = await compressBody(draw(name));
      drawn.set(name, picture);
    }
    return respondKept(c.req, picture, headers);
  });
  return api;
}

function draw(name: string): string {
  if (name === placeholderName) return hanger();
  const spec = parseGarmentName(name);
  if (spec === undefined) throw notFound('This picture');
  return renderGarment(spec);
}

const headers = {
  'Content-Type': 'image/svg+xml',
  'Cache-Control': 'public, max-age=31536000, immutable',
  'Cache-Status': 'origin; hit',
  // Other sites may show our pictures.
  'Cross-Origin-Resource-Policy': 'cross-origin',
  // Opened by itself, a picture may run nothing.
  'Content-Security-Policy': "default-src 'none'; style-src 'none'; frame-ancestors 'none'",
};
