// Refuses writes that a browser sends from another site (CSRF), so that shared pages need no tokens.
import { Refusal } from '../../errors.ts';
import { isApiPath } from '../problem.ts';

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);
const formTypes = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];

/** @throws Refusal 403 `cross-site` */
export function checkSameOrigin(request: Request): void {
  if (safeMethods.has(request.method)) return;
  const site = request.headers.get('Sec-Fetch-Site');
  const origin = request.headers.get('Origin');
  if (site !== null && site !== 'same-origin' && site !== 'none') throw crossSite();
  if (origin !== null && hostOf(origin) !== request.headers.get('Host')) throw crossSite();
  if (site !== null || origin !== null || !isForm(request)) return;
  // The API reads no forms: a body that claims to be one is refused there for its type.
  if (!isApiPath(new URL(request.url).pathname)) throw crossSite();
}

function isForm(request: Request): boolean {
  const type = request.headers.get('Content-Type')?.toLowerCase() ?? '';
  return formTypes.some((form) => type.startsWith(form));
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

function crossSite(): Refusal {
  return new Refusal(403, 'cross-site', 'This request did not come from our own pages');
}
