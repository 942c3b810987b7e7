// The cart as the API returns it: zod schemas of the cart and its lines.
import { z } from '@hono/zod-openapi';
import { growingEnum } from '../web/api/api.ts';
import { MoneySchema } from '../web/money.ts';

const exampleLine = {
  variantId: '7',
  productSlug: 'plain-tee',
  name: 'Plain Tee',
  size: 'M',
  color: 'Navy',
  quantity: 2,
  unitPrice: { amount: 1_999, currency: 'EUR' },
  lineTotal: { amount: 3_998, currency: 'EUR' },
  available: 20,
};

export const CartLineSchema = z
  .object({
    variantId: z.string(),
    productSlug: z.string(),
    name: z.string(),
    size: z.string(),
    color: z.string(),
    quantity: z.int().min(1),
    unitPrice: MoneySchema,
    lineTotal: MoneySchema,
    available: z
      .int()
      .min(0)
      .openapi({ description: 'Whole pieces; 0 where the variant is sold out or went away' }),
  })
  .openapi('CartLine', { example: exampleLine });

export const CartSchema = z
  .object({
    version: z.int().min(0),
    lines: z.array(CartLineSchema),
    count: z.int().min(0).openapi({ description: 'Pieces, not lines' }),
    total: MoneySchema,
    durability: growingEnum(['committed', 'journal', 'client', 'memory']).openapi({
      description: 'What holds the cart: Postgres, the journal on Redis nodes, the cookie, or one origin',
    }),
    incomplete: z.literal(true).optional().openapi({
      description: 'Present where the newest version that this browser has seen cannot be read now',
    }),
  })
  .openapi('Cart', {
    example: {
      version: 3,
      lines: [exampleLine],
      count: 2,
      total: { amount: 3_998, currency: 'EUR' },
      durability: 'committed',
    },
  });

export type Cart = z.infer<typeof CartSchema>;
export type ShownCartLine = z.infer<typeof CartLineSchema>;
export type Durability = Cart['durability'];
