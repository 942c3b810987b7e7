// An e-mail address as it may be entered, for accounts and for orders of guests.
import { z } from '@hono/zod-openapi';

export const EmailField = z
  .email({ error: 'must be an e-mail address, such as name@example.com' })
  .max(254, { error: 'must have at most 254 characters' });
