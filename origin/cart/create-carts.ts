// Creates the cart implementation that the setting `CART_STATE` names.
import type { Deps } from '../deps.ts';
import type { Carts } from './carts.ts';
import { createCookieCarts } from './cookie/cookie-carts.ts';
import { createServerCarts } from './server/server-carts.ts';
import { createStickyCarts } from './sticky/sticky-carts.ts';

/** The caller must close it before the process ends. */
export function createCarts(deps: Deps): Carts {
  switch (deps.settings.cartState) {
    case 'server':
      return createServerCarts(deps);
    case 'cookie':
      return createCookieCarts(deps);
    case 'sticky':
      return createStickyCarts(deps);
  }
}
