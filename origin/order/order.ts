// An order as the outside sees it, and what placing one needs.
import { z } from '@hono/zod-openapi';
import { optionalText, plainText } from '../web/api/plain-text.ts';
import { MoneySchema } from '../web/money.ts';

export const ShippingAddressSchema = z
  .strictObject({
    name: plainText(100),
    line1: plainText(200),
    line2: optionalText(200),
    city: plainText(100),
    postalCode: plainText(20),
    country: z
      .string()
      .regex(/^[A-Za-z]{2}$/, { error: 'must be a country’s two letters (ISO 3166)' })
      .transform((code) => code.toUpperCase()),
  })
  .openapi('ShippingAddress');

export type ShippingAddress = z.infer<typeof ShippingAddressSchema>;

export const demoOutcomes = ['paid', 'declined', 'unknown'] as const;

export const OrderRequestSchema = z
  .strictObject({
    email: z.email().max(254),
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
