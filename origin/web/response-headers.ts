// Sets the headers of every response in one place. Their values are fixed at start-up.
import type { Settings } from '../config.ts';

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

/** Sessions are cookies. No browser opens a dialog of its own for this scheme (draft-broyer-http-cookie-auth). */
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

/** Changes the headers in place; all but the timing. */
export type FinishHeaders = (headers: Headers) => void;

export function createFinishHeaders(settings: HeaderSettings): FinishHeaders {
  const servedBy = `${settings.zone}/${settings.instance}`;
  const isHttps = settings.siteUrl.startsWith('https:');
  return (headers) => {
    headers.set('X-Content-Type-Options', 'nosniff');
    // No page of another site may embed what is here; pictures say otherwise.
    if (!headers.has('Cross-Origin-Resource-Policy'))
      headers.set('Cross-Origin-Resource-Policy', 'same-origin');
    // Browsers heed it over https alone.
    if (isHttps) headers.set('Strict-Transport-Security', 'max-age=31536000; includeSubDomains');
    // A page whose address is a secret asks for less.
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

/** The one header that differs from answer to answer. @returns its value. */
export function serverTiming(startedAtMs: number): string {
  return `app;dur=${(performance.now() - startedAtMs).toFixed(1)}`;
}
