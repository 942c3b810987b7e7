// The schemas of the addresses of an order and of an address book, shared by the API and the forms.
import { z } from '@hono/zod-openapi';
import { CountryCode, optionalText, plainText } from '../web/api/plain-text.ts';
import { countries, findCountry, isPostalCodeOf } from './countries.ts';
import { faultOfVatNumber, normaliseVatNumber } from './vat-number.ts';

/** Characters, at most. */
export const addressLengths = { name: 100, line1: 200, line2: 200, city: 100, postalCode: 20 };
export const companyLengths = { company: 100, vatNumber: 30 };

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

type Placed = z.infer<typeof Place>;

/** Judged as soon as both parts are there, so that every fault of an address is told at once. */
const fitsCountry = ({ country, postalCode }: Placed) => isPostalCodeOf(findCountry(country)!, postalCode);
const postalCodeFault = {
  path: ['postalCode'],
  when: ({ value }: { value: unknown }) => Place.safeParse(value).success,
  error: ({ input }: { input?: unknown }) => {
    const { name, example } = findCountry((input as Placed).country)!;
    return `must be a postal code of ${name}, such as ${example}`;
  },
};

export const ShippingAddressSchema = Parts.refine(fitsCountry, postalCodeFault).openapi('ShippingAddress', {
  example: exampleAddress,
});

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

export const OrderBillingAddressSchema = OrderAddressSchema.extend({
  company: z.string().optional(),
  vatNumber: z.string().optional(),
}).openapi('OrderBillingAddress', { example: { ...exampleAddress, company: 'Byron Ltd' } });

const Company = {
  company: optionalText(companyLengths.company),
  vatNumber: optionalText(companyLengths.vatNumber)
    .transform((text) => (text === undefined ? undefined : normaliseVatNumber(text)))
    .refine((text) => text === undefined || faultOfVatNumber(text) === undefined, {
      error: ({ input }) => faultOfVatNumber(String(input)) ?? '',
    })
    .openapi({ description: 'Of the company, with the letters of its country, in the form of that country' }),
};

/** Who gets the invoice may live anywhere, and may be a company. */
export const BillingAddressSchema = Parts.extend({ country: CountryCode, ...Company }).openapi(
  'BillingAddress',
  { example: exampleAddress },
);

/** One of an address book: where parcels go, and for which company. */
export const KeptAddressSchema = Parts.extend(Company).refine(fitsCountry, postalCodeFault);
export const AddressToWriteSchema = Parts.extend({
  ...Company,
  isDefault: z
    .boolean()
    .optional()
    .openapi({ description: 'Filled in at checkout. The first of an account always is' }),
})
  .refine(fitsCountry, postalCodeFault)
  .openapi('AddressToWrite', { example: { ...exampleAddress, isDefault: true } });

export type BillingAddress = z.infer<typeof BillingAddressSchema>;
export type ShippingAddress = z.infer<typeof ShippingAddressSchema>;
export type KeptAddress = z.infer<typeof KeptAddressSchema>;
