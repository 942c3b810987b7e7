// Lists the methods of an address, for 405 and OPTIONS (RFC 9110, 9.3.7 and 15.5.6).
import { TrieRouter } from 'hono/router/trie-router';

/** What of an app's routes matters here. */
interface KnownRoute {
  method: string;
  path: string;
}

/** @returns by path, the methods of its routes in order of the alphabet; none where there is nothing. */
export function createAllowedMethods(routes: KnownRoute[]): (path: string) => string[] {
  const router = new TrieRouter<string>();
  // Middleware stands at every method, and says nothing of what there is.
  for (const { method, path } of routes) if (method !== 'ALL') router.add('GET', path, method);
  return (path) => {
    const methods = new Set(router.match('GET', path)[0].map(([method]) => method));
    if (methods.has('GET')) methods.add('HEAD');
    return [...methods].sort();
  };
}
