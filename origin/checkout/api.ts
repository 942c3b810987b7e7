// The JSON API that lists the delivery methods to a country, for shoppers before they order.
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Deps } from '../deps.ts';
import { createApi, defineRoute, jsonAnswer, z } from '../web/api/api.ts';
import { CountryCode } from '../web/api/plain-text.ts';
import type { AppEnv } from '../web/env.ts';
import { listMethods, readKnownShippingTable, ShippingMethodSchema } from './shipping-methods.ts';

const listMethodsRoute = defineRoute({
  method: 'get',
  path: '/api/shipping-methods',
  operationId: 'listShippingMethods',
  tags: ['order'],
  audience: 'everyone',
  summary: 'How an order can be delivered to a country, and what that costs',
  request: {
    query: z.object({
      country: CountryCode.optional().openapi({
        description: 'Two letters (ISO 3166); default the country of the shop',
        example: 'DE',
      }),
    }),
  },
  responses: {
    200: jsonAnswer(
      'Cheapest first; empty where nothing is delivered',
      z.object({ items: z.array(ShippingMethodSchema) }).openapi('ShippingMethods', {
        example: {
          items: [
            {
              id: 'standard',
              name: 'Standard',
              price: { amount: 490, currency: 'EUR' },
              freeFrom: { amount: 5_000, currency: 'EUR' },
              days: { min: 2, max: 5 },
            },
          ],
        },
      }),
    ),
  },
});

export function checkoutApi(deps: Deps): OpenAPIHono<AppEnv> {
  const api = createApi();
  api.openapi(listMethodsRoute, async (c) => {
    const { country = deps.settings.shopCountry } = c.req.valid('query');
    return c.json({ items: listMethods(await readKnownShippingTable(deps), country) }, 200);
  });
  return api;
}
