// Makes the dependencies that all account code shares in a process.
// Rate limits and password hashing bound work only if they are shared.
import type { Carts } from '../cart/carts.ts';
import type { Deps } from '../deps.ts';
import type { Passwords } from './passwords.ts';
import { createRateLimits, type RateLimits } from './rate-limits.ts';

export interface AccountDeps {
  deps: Deps;
  carts: Carts;
  limits: RateLimits;
  passwords: Passwords;
}

export function createAccountDeps(deps: Deps, carts: Carts, passwords: Passwords): AccountDeps {
  return { deps, carts, limits: createRateLimits(deps), passwords };
}
