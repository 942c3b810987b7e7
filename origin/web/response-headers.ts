// Sets the headers of every response, including the Content-Security-Policy.
// Also receives browsers' reports of violations.

import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Settings } from '../config.ts';
import type { Deps } from '../deps.ts';
import type { AppEnv } from './env.ts';

const contentSecurityPolicy = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: https:",
  "object-src 'none'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  'report-uri /csp-reports',
  'report-to csp',
].join('; ');

type HeaderSettings = Pick<Settings, 'zone' | 'instance' | 'siteUrl'>;

/** Sessions are cookies. Browsers open no login dialog for this scheme (draft-broyer-http-cookie-auth). */
const challenge = 'Cookie realm="MyClothes.com", form-action="/sign-in", cookie-name="__Host-session"';

/** Changes the response in place. */
export type FinishResponse = (response: Response, startedAtMs: number) => void;

export function createFinishResponse(settings: HeaderSettings): FinishResponse {
  const finish = createFinishHeaders(settings);
  return ({ status, headers }, startedAtMs) => {
    finish(headers);
    if (status === 401 && !headers.has('WWW-Authenticate')) headers.set('WWW-Authenticate', challenge);
    headers.set('Server-Timing', serverTiming(startedAtMs));
  };
}

/** Changes the headers in place, except for Server-Timing. */
export type FinishHeaders = (headers: Headers) => void;

export function createFinishHeaders(settings: HeaderSettings): FinishHeaders {
  const servedBy = `${settings.zone}/${settings.instance}`;
  const isHttps = settings.siteUrl.startsWith('https:');
  return (headers) => {
    headers.set('X-Content-Type-Options', 'nosniff');
    // No other site may embed these answers. Pictures set another value.
    if (!headers.has('Cross-Origin-Resource-Policy'))
      headers.set('Cross-Origin-Resource-Policy', 'same-origin');
    // Browsers heed it over https only.
    if (isHttps) headers.set('Strict-Transport-Security', 'max-age=31536000; includeSubDomains');
    // A page with a secret address sets a stricter policy.
    if (!headers.has('Referrer-Policy')) headers.set('Referrer-Policy', 'strict-origin-when-cross-origin');
    headers.set('Served-By', servedBy);
    if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'private, no-store');
    if (!headers.has('Cache-Status')) headers.set('Cache-Status', 'origin; fwd=bypass');
    if (headers.get('Content-Type')?.startsWith('text/html') && !headers.has('Content-Security-Policy')) {
      headers.set('Content-Security-Policy', contentSecurityPolicy);
      headers.set('Reporting-Endpoints', 'csp="/csp-reports"');
      headers.set('Cross-Origin-Opener-Policy', 'same-origin');
      headers.set('Permissions-Policy', 'camera=(), geolocation=(), microphone=()');
    }
  };
}

/** The only header that differs from answer to answer. @returns its value */
export function serverTiming(startedAtMs: number): string {
  return `app;dur=${(performance.now() - startedAtMs).toFixed(1)}`;
}

// Receives reports of Content-Security-Policy violations. Bodies are short, and only a few lines a minute are logged.

const maxBytes = 8 * 1024;
const mostPerMinute = 20;

/** Always answers 204, so that nobody learns what was logged. */
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

/** Parses both formats that browsers send. Queries of addresses are dropped, because they may contain typed text. */
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

/** Removes the tokens of mailed links from a path, so that no log contains them. */
export function withoutTokens(path: string): string {
  return path.replace(/(password-resets|email-confirmations)\/[^/]+/g, '$1/-');
}
