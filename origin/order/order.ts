// An order as the outside sees it, and what placing one needs.
import { z } from '@hono/zod-openapi';
import { EmailField } from '../account/account.ts';
import { MoneySchema } from '../web/money.ts';
import { ShippingAddressSchema } from './shipping-address.ts';

export const demoOutcomes = ['paid', 'declined', 'unknown'] as const;

export const OrderRequestSchema = z
  .strictObject({
    email: EmailField,
    shippingAddress: ShippingAddressSchema,
    payment: z.strictObject({
      provider: z.enum(['demo', 'on-delivery', 'stripe']),
      outcome: z
        .enum(demoOutcomes)
        .optional()
        .openapi({ description: 'Only for the demo provider; default `paid`' }),
    }),
    expectedTotal: MoneySchema.optional().openapi({
      description:
        'What the buyer was shown. Where the order costs something else it is refused: 409 `price-changed`',
    }),
  })
  .openapi('OrderRequest');

export type OrderRequest = z.infer<typeof OrderRequestSchema>;

export const OrderSchema = z
  .strictObject({
    id: z.string(),
    number: z.string(),
    status: z.enum(['placed', 'paid', 'cancelled']),
    lines: z.array(
      z
        .strictObject({
          variantId: z.string(),
          productSlug: z.string(),
          sku: z.string(),
          name: z.string(),
          size: z.string(),
          color: z.string(),
          quantity: z.int().min(1),
          unitPrice: MoneySchema,
          lineTotal: MoneySchema,
        })
        .openapi('OrderLine'),
    ),
    total: MoneySchema,
    placedAt: z.iso.datetime(),
    payment: z.strictObject({
      provider: z.string(),
      status: z.enum(['reserved', 'pending', 'paid', 'failed', 'unknown']),
      redirectUrl: z
        .string()
        .optional()
        .openapi({ description: 'Where the buyer pays; only while that is still to be done' }),
    }),
  })
  .openapi('Order');

export type Order = z.infer<typeof OrderSchema>;
