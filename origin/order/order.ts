// The order as the API returns it, and the schema of a request to place one.
import { z } from '@hono/zod-openapi';
import { DeliveryDatesSchema, ShippingDaysSchema } from '../checkout/shipping-methods.ts';
import { growingEnum } from '../web/api/api.ts';
import { EmailField } from '../web/api/plain-text.ts';
import { MoneySchema, MoneyToWriteSchema } from '../web/money.ts';
import { BillingAddressSchema, exampleAddress, ShippingAddressSchema } from './shipping-address.ts';

export const demoOutcomes = ['paid', 'declined', 'unknown'] as const;

/** Accepts null as absent, because programs write null for members that they leave out. */
function absentIfNull<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((given) => given ?? undefined);
}

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
    billingAddress: absentIfNull(BillingAddressSchema).openapi({
      description: 'For the invoice, where it is another one than that of delivery',
    }),
    shippingMethod: absentIfNull(z.string().max(40)).openapi({
      description: '`id` of one of `GET /api/shipping-methods` for the country; default the cheapest',
      example: 'standard',
    }),
    promotionCode: absentIfNull(z.string().max(200)).openapi({
      description: 'In any case. A code that does not hold refuses the order',
    }),
    expectedTotal: MoneyToWriteSchema.optional().openapi({
      description:
        'What the buyer was shown. Where the order costs something else it is refused: 409 `price-changed`',
    }),
  })
  .openapi('OrderRequest', {
    example: {
      email: 'ada@example.com',
      shippingAddress: exampleAddress,
      payment: { provider: 'on-delivery' },
      shippingMethod: 'standard',
      expectedTotal: { amount: 3_998, currency: 'EUR' },
    },
  });

export type OrderRequest = z.infer<typeof OrderRequestSchema>;

const exampleLine = {
  variantId: '7',
  productSlug: 'plain-tee',
  sku: 'PLAIN-TEE-M-NAVY',
  name: 'Plain Tee',
  size: 'M',
  color: 'Navy',
  quantity: 2,
  unitPrice: { amount: 1_999, currency: 'EUR' },
  lineTotal: { amount: 3_998, currency: 'EUR' },
  shipped: 2,
  cancelled: 0,
  returned: 1,
};
const examplePieces = [{ variantId: '7', quantity: 1 }];
const exampleShipment = {
  id: '5',
  carrier: 'DHL',
  trackingNumber: '00340434161094042557',
  trackingUrl: 'https://carrier.example/track/00340434161094042557',
  lines: [{ variantId: '7', quantity: 2 }],
  shippedAt: '2026-12-01T08:00:00.000Z',
  deliveredAt: '2026-12-03T10:00:00.000Z',
};
const exampleRefund = {
  id: '3',
  amount: { amount: 1_999, currency: 'EUR' },
  reason: 'Pieces came back',
  status: 'done',
  at: '2026-12-08T09:00:00.000Z',
};
export const exampleReturn = {
  id: '9',
  number: 'MC-7F3KQ-2PDX9-R1',
  status: 'refunded',
  lines: examplePieces,
  requestedAt: '2026-12-05T18:00:00.000Z',
};
export const exampleOrder = {
  id: '42',
  number: 'MC-7F3KQ-2PDX9',
  status: 'paid',
  lines: [exampleLine],
  total: { amount: 3_998, currency: 'EUR' },
  shipping: {
    method: 'standard',
    name: 'Standard',
    price: { amount: 0, currency: 'EUR' },
    days: { min: 2, max: 5 },
  },
  promised: { from: '2026-12-02', to: '2026-12-07' },
  tax: [{ rate: 23, net: { amount: 3_250, currency: 'EUR' }, tax: { amount: 748, currency: 'EUR' } }],
  placedAt: '2026-11-30T10:30:00.000Z',
  payment: { provider: 'demo', status: 'paid' },
  paid: { amount: 3_998, currency: 'EUR' },
  fulfilment: 'shipped',
  shipments: [exampleShipment],
  refunds: [exampleRefund],
  returns: [exampleReturn],
};

export const OrderShippingSchema = z
  .object({ method: z.string(), name: z.string(), price: MoneySchema, days: ShippingDaysSchema })
  .openapi('OrderShipping', { example: exampleOrder.shipping });

export const OrderDiscountSchema = z
  .object({ code: z.string(), amount: MoneySchema })
  .openapi('OrderDiscount', { example: { code: 'SPRING', amount: { amount: 400, currency: 'EUR' } } });

/** The net amounts and taxes of all rates add up to the total. */
export const TaxSchema = z.array(
  z
    .object({
      rate: z.number().min(0).openapi({ description: 'Percent' }),
      net: MoneySchema,
      tax: MoneySchema,
    })
    .openapi('Vat', { description: 'The VAT of one rate within the total', example: exampleOrder.tax[0] }),
);
/** Pieces of a variant, as an API answer has them. */
const PiecesSchema = z
  .object({ variantId: z.string(), quantity: z.int().min(1) })
  .openapi('Pieces', { example: examplePieces[0] });

export const ReturnSchema = z
  .object({
    id: z.string(),
    number: z.string().openapi({ description: 'To be written on the parcel' }),
    status: growingEnum(['requested', 'received', 'refunded', 'refused']),
    lines: z.array(PiecesSchema),
    requestedAt: z.iso.datetime(),
  })
  .openapi('Return', { example: exampleReturn });

const ShipmentSchema = z
  .object({
    id: z.string(),
    carrier: z.string(),
    trackingNumber: z.string().optional(),
    trackingUrl: z.string().optional(),
    lines: z.array(PiecesSchema),
    shippedAt: z.iso.datetime(),
    deliveredAt: z.iso.datetime().optional(),
  })
  .openapi('Shipment', { example: exampleShipment });

const RefundSchema = z
  .object({
    id: z.string(),
    amount: MoneySchema,
    reason: z.string(),
    status: growingEnum(['pending', 'done', 'unknown']),
    at: z.iso.datetime(),
  })
  .openapi('Refund', { example: exampleRefund });

export const OrderSchema = z
  .object({
    id: z.string(),
    number: z.string(),
    status: growingEnum(['placed', 'paid', 'cancelled']),
    lines: z.array(
      z
        .object({
          variantId: z.string(),
          productSlug: z.string(),
          sku: z.string(),
          name: z.string(),
          size: z.string(),
          color: z.string(),
          quantity: z.int().min(1),
          unitPrice: MoneySchema,
          lineTotal: MoneySchema,
          shipped: z.int().min(0).openapi({ description: 'Pieces that left the shop' }),
          cancelled: z.int().min(0).openapi({ description: 'Pieces that will not be sent' }),
          returned: z.int().min(0).openapi({ description: 'Pieces that came back, or are announced to' }),
        })
        .openapi('OrderLine', { example: exampleLine }),
    ),
    total: MoneySchema.openapi({ description: 'Lines and delivery, less the discount; VAT included' }),
    shipping: OrderShippingSchema,
    promised: DeliveryDatesSchema.optional().openapi({ description: 'When it is to arrive' }),
    discount: OrderDiscountSchema.optional(),
    tax: TaxSchema,
    placedAt: z.iso.datetime(),
    payment: z.object({
      provider: z.string(),
      status: growingEnum(['reserved', 'pending', 'authorised', 'paid', 'failed', 'unknown']),
      redirectUrl: z
        .string()
        .optional()
        .openapi({ description: 'Where the buyer pays; only while that is still to be done' }),
    }),
    paid: MoneySchema.openapi({ description: 'What was taken, whatever went back of it' }),
    fulfilment: growingEnum(['open', 'partly-shipped', 'shipped', 'delivered']),
    shipments: z.array(ShipmentSchema),
    refunds: z.array(RefundSchema),
    returns: z.array(ReturnSchema),
  })
  .openapi('Order', { example: exampleOrder });

export type Order = z.infer<typeof OrderSchema>;
