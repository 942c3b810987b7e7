// The countries that orders are sent to, with the form of their postal codes. Source: the address data of Google's
// libaddressinput (chromium-i18n.appspot.com/ssl-address/data); car signs from the UN's list.

export interface Country {
  /** ISO 3166. */
  code: string;
  name: string;
  /** Of a code in capitals without spaces and hyphens. */
  postalCode: RegExp;
  /** As people write it there. */
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
  // Its first three signs lead to a post town and are what many people know of theirs.
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

/** @param carSign also written before a code, as in `D-10115`; the two letters are everywhere. */
function country(code: string, name: string, form: RegExp, example: string, carSign = code): Country {
  const before = `(?:${code}|${carSign})?`;
  return { code, name, postalCode: new RegExp(`^${before}(?:${form.source})$`), example };
}

export function findCountry(code: string): Country | undefined {
  return countries.find((known) => known.code === code);
}

/** Letters of any case and width, with spaces and hyphens wherever people put them. */
export function isPostalCodeOf({ postalCode }: Country, text: string): boolean {
  return postalCode.test(
    text
      .normalize('NFKC')
      .toUpperCase()
      .replace(/[\s\p{Pd}]/gu, ''),
  );
}
