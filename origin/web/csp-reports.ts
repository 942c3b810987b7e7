// Takes browsers' reports of what the Content-Security-Policy stopped. Bounded: short bodies, and few lines a minute.
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Deps } from '../deps.ts';
import type { AppEnv } from './env.ts';

const maxBytes = 8 * 1024;
const mostPerMinute = 20;

/** Always 204: nobody learns from it what was kept. */
export function cspReportRoute({ log, now }: Pick<Deps, 'log' | 'now'>): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  let [minute, kept] = [0, 0];
  const mayKeep = () => {
    const present = Math.floor(now() / 60_000);
    if (present !== minute) [minute, kept] = [present, 0];
    return ++kept <= mostPerMinute;
  };
  const limit = bodyLimit({ maxSize: maxBytes, onError: (c) => c.body(null, 204) });
  return app.post('/csp-reports', limit, async (c) => {
    if (mayKeep()) {
      const report = readReport(await c.req.text().catch(() => ''));
      if (report !== undefined) log.warn({ security: 'csp', ...report }, 'a content policy was violated');
    }
    return c.body(null, 204);
  });
}

/** Both forms that browsers send. Of addresses only the place is kept: queries may hold what people typed. */
function readReport(text: string): Record<string, string> | undefined {
  try {
    const given = JSON.parse(text) as Record<string, unknown> | Record<string, unknown>[];
    const first = Array.isArray(given) ? given[0]?.['body'] : given['csp-report'];
    if (typeof first !== 'object' || first === null) return undefined;
    const of = first as Record<string, unknown>;
    return {
      directive: String(of['effectiveDirective'] ?? of['effective-directive'] ?? '').slice(0, 60),
      blocked: placeOf(of['blockedURL'] ?? of['blocked-uri']),
      page: placeOf(of['documentURL'] ?? of['document-uri']),
    };
  } catch {
    return undefined;
  }
}

function placeOf(url: unknown): string {
  const text = String(url ?? '');
  if (!URL.canParse(text)) return text.slice(0, 20);
  const { origin, pathname } = new URL(text);
  return `${origin}${withoutTokens(pathname)}`.slice(0, 200);
}

/** Addresses that hold a token of a mail: it must stand in no log. */
export function withoutTokens(path: string): string {
  return path.replace(/(password-resets|email-confirmations)\/[^/]+/g, '$1/-');
}
