// The schemas of the addresses of an order, shared by the API and the checkout form.
import { z } from '@hono/zod-openapi';
import { CountryCode, optionalText, plainText } from '../web/api/plain-text.ts';
import { countries, findCountry, isPostalCodeOf } from './countries.ts';

/** Characters, at most. */
export const addressLengths = { name: 100, line1: 200, line2: 200, city: 100, postalCode: 20 };

export const exampleAddress = {
  name: 'Ada Byron',
  line1: '1 Long Lane',
  city: 'Dublin',
  postalCode: 'D01 F5P2',
  country: 'IE',
};

const codes = countries.map(({ code }) => code);

const Parts = z.strictObject({
  name: plainText(addressLengths.name),
  line1: plainText(addressLengths.line1),
  line2: optionalText(addressLengths.line2),
  city: plainText(addressLengths.city),
  postalCode: plainText(addressLengths.postalCode).openapi({
    description: 'In the form of its country, with or without spaces and hyphens',
  }),
  country: CountryCode.refine((code) => codes.includes(code), {
    error: 'must be a country that this shop sends to',
  }).openapi({ description: 'One of `countries` of `GET /api/checkout-options`' }),
});

/** What the postal code is judged by. */
const Place = z.object({ postalCode: Parts.shape.postalCode, country: Parts.shape.country });

/** Judged as soon as both parts are there, so that every fault of an address is told at once. */
export const ShippingAddressSchema = Parts.refine(
  ({ country, postalCode }) => isPostalCodeOf(findCountry(country)!, postalCode),
  {
    path: ['postalCode'],
    when: ({ value }) => Place.safeParse(value).success,
    error: ({ input }) => {
      const { name, example } = findCountry((input as z.infer<typeof Parts>).country)!;
      return `must be a postal code of ${name}, such as ${example}`;
    },
  },
).openapi('ShippingAddress', { example: exampleAddress });

/** As it was entered, in an answer. */
export const OrderAddressSchema = z
  .object({
    name: z.string(),
    line1: z.string(),
    line2: z.string().optional(),
    city: z.string(),
    postalCode: z.string(),
    country: z.string(),
  })
  .openapi('OrderAddress', { example: exampleAddress });

/** Who gets the invoice may live anywhere, and may be a company. */
export const BillingAddressSchema = Parts.extend({
  country: CountryCode,
  company: optionalText(addressLengths.name),
  vatNumber: optionalText(30)
    .transform((text) => text?.replaceAll(/[\s.-]/g, '').toUpperCase())
    .refine((text) => text === undefined || /^[A-Z]{2}[0-9A-Z+*]{2,13}$/.test(text), {
      error: 'must be a VAT number with its country’s letters, such as DE123456789',
    })
    .openapi({ description: 'Of the company, with the letters of its country' }),
}).openapi('BillingAddress', { example: exampleAddress });

export type BillingAddress = z.infer<typeof BillingAddressSchema>;
export type ShippingAddress = z.infer<typeof ShippingAddressSchema>;
