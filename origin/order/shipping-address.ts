// Defines the schemas of addresses, VAT numbers included, for orders and address books.
// The API and the forms share them. Also lists the countries that orders are sent to, with the form of their postal
// codes.
import { z } from '@hono/zod-openapi';
import { CountryCode, optionalText, plainText } from '../web/api/plain-text.ts';

/**
 * The countries that orders are sent to, with the form of their postal codes. Source: the address data of
 * Google's libaddressinput (chromium-i18n.appspot.com/ssl-address/data); car signs from the UN's list.
 */
interface Country {
  /** ISO 3166. */
  code: string;
  name: string;
  /** The form of a code in capitals, without spaces and hyphens. */
  postalCode: RegExp;
  /** An example as people write it there. */
  example: string;
}

export const countries: Country[] = [
  country('AT', 'Austria', /\d{4}/, '1010', 'A'),
  country('BE', 'Belgium', /\d{4}/, '1000', 'B'),
  country('BG', 'Bulgaria', /\d{4}/, '1000'),
  country('HR', 'Croatia', /\d{5}/, '10000'),
  country('CY', 'Cyprus', /\d{4}/, '1010'),
  country('CZ', 'Czechia', /\d{5}/, '110 00'),
  country('DK', 'Denmark', /\d{4}/, '1050'),
  country('EE', 'Estonia', /\d{5}/, '10111', 'EST'),
  country('FI', 'Finland', /\d{5}/, '00100', 'FIN'),
  country('FR', 'France', /\d{5}/, '75001', 'F'),
  country('DE', 'Germany', /\d{5}/, '10115', 'D'),
  country('GR', 'Greece', /\d{5}/, '105 57'),
  country('HU', 'Hungary', /\d{4}/, '1051', 'H'),
  // The first three characters name a post town. Many people know only these of their code.
  country('IE', 'Ireland', /(?:[AC-FHKNPRTV-Y]\d{2}|D6W)(?:[\dAC-FHKNPRTV-Y]{4})?/, 'D02 X285', 'IRL'),
  country('IT', 'Italy', /\d{5}/, '00144', 'I'),
  country('LV', 'Latvia', /\d{4}/, 'LV-1010'),
  country('LT', 'Lithuania', /\d{5}/, 'LT-01100'),
  country('LU', 'Luxembourg', /\d{4}/, '1111', 'L'),
  country('MT', 'Malta', /[A-Z]{3}\d{2,4}/, 'VLT 1117', 'M'),
  country('NL', 'Netherlands', /[1-9]\d{3}[A-Z]{2}/, '1012 JS'),
  country('PL', 'Poland', /\d{5}/, '00-001'),
  country('PT', 'Portugal', /\d{4}(?:\d{3})?/, '1000-205', 'P'),
  country('RO', 'Romania', /\d{6}/, '010011'),
  country('SK', 'Slovakia', /\d{5}/, '811 01'),
  country('SI', 'Slovenia', /\d{4}/, '1000', 'SLO'),
  country('ES', 'Spain', /(?:0[1-9]|[1-4]\d|5[0-2])\d{3}/, '28013', 'E'),
  country('SE', 'Sweden', /\d{5}/, '111 22', 'S'),
];

/** @param carSign may also stand before a code, as in `D-10115`; the country's two letters always may */
function country(code: string, name: string, form: RegExp, example: string, carSign = code): Country {
  const before = `(?:${code}|${carSign})?`;
  return { code, name, postalCode: new RegExp(`^${before}(?:${form.source})$`), example };
}

export function findCountry(code: string): Country | undefined {
  return countries.find((known) => known.code === code);
}

/** Accepts letters in any case and width, with spaces and hyphens anywhere. */
export function isPostalCodeOf({ postalCode }: Country, text: string): boolean {
  return postalCode.test(
    text
      .normalize('NFKC')
      .toUpperCase()
      .replace(/[\s\p{Pd}]/gu, ''),
  );
}

/** The largest number of characters of each part, for the API and the forms. */
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

/** The parts that decide whether a postal code is right. */
const Place = z.object({ postalCode: Parts.shape.postalCode, country: Parts.shape.country });

type Placed = z.infer<typeof Place>;

/**
 * Checked as soon as both parts are valid, even if others are not, so that all faults of an address are shown at
 * once.
 */
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

/** As it was entered; answers show it. */
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

/** The invoice may go to any country, and to a company. */
export const BillingAddressSchema = Parts.extend({ country: CountryCode, ...Company }).openapi(
  'BillingAddress',
  { example: exampleAddress },
);

/** An address of an address book: a delivery address with an optional company. */
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

// The forms of VAT numbers, by the letters that they begin with. Source: VIES of the European Commission, question 11
// (ec.europa.eu/taxation_customs/vies/#/faq). Greece begins with EL, Northern Ireland with XI.

const forms: Record<string, [form: RegExp, example: string]> = {
  AT: [/U\d{8}/, 'ATU12345678'],
  BE: [/[01]\d{9}/, 'BE0123456789'],
  BG: [/\d{9,10}/, 'BG123456789'],
  CY: [/\d{8}[A-Z]/, 'CY12345678X'],
  CZ: [/\d{8,10}/, 'CZ12345678'],
  DE: [/\d{9}/, 'DE123456789'],
  DK: [/\d{8}/, 'DK12345678'],
  EE: [/\d{9}/, 'EE123456789'],
  EL: [/\d{9}/, 'EL123456789'],
  ES: [/[0-9A-Z]\d{7}[0-9A-Z]/, 'ESX12345678'],
  FI: [/\d{8}/, 'FI12345678'],
  FR: [/[0-9A-HJ-NP-Z]{2}\d{9}/, 'FR12345678901'],
  HR: [/\d{11}/, 'HR12345678901'],
  HU: [/\d{8}/, 'HU12345678'],
  IE: [/(?:\d[0-9A-Z+*]\d{5}[A-W]|\d{7}[A-W][A-I])/, 'IE1234567FA'],
  IT: [/\d{11}/, 'IT12345678901'],
  LT: [/(?:\d{9}|\d{12})/, 'LT123456789'],
  LU: [/\d{8}/, 'LU12345678'],
  LV: [/\d{11}/, 'LV12345678901'],
  MT: [/\d{8}/, 'MT12345678'],
  NL: [/\d{9}B\d{2}/, 'NL123456789B01'],
  PL: [/\d{10}/, 'PL1234567890'],
  PT: [/\d{9}/, 'PT123456789'],
  RO: [/\d{2,10}/, 'RO1234567890'],
  SE: [/\d{12}/, 'SE123456789001'],
  SI: [/\d{8}/, 'SI12345678'],
  SK: [/\d{10}/, 'SK1234567890'],
  XI: [/(?:\d{9}|\d{12}|GD\d{3}|HA\d{3})/, 'XI123456789'],
};
/** Outside the EU only letters and digits are checked, because no exact form is known. */
const elsewhere = /^[A-Z]{2}[0-9A-Z]{2,13}$/;

/** Normalises a VAT number as it is stored: capitals, without spaces, dots and hyphens, `GR` as `EL`. */
export function normaliseVatNumber(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .replaceAll(/[\s.\p{Pd}]/gu, '')
    .replace(/^GR(?=\d)/, 'EL');
}

/** @param number normalised. @returns the fault, to be put behind the field's name; undefined where there is none */
export function faultOfVatNumber(number: string): string | undefined {
  const known = forms[number.slice(0, 2)];
  if (known === undefined)
    return elsewhere.test(number)
      ? undefined
      : 'must be a VAT number with its country’s letters, such as DE123456789';
  const [form, example] = known;
  return new RegExp(`^${form.source}$`).test(number.slice(2))
    ? undefined
    : `must be a VAT number as they are in its country, such as ${example}`;
}
