// Rates of VAT of the 27 member states with the day from which each holds. The country that the parcel goes to decides.
// Source: European Commission, "VAT rates applied in the Member States of the European Union" and its database "Taxes
// in Europe", which also list the zero and super-reduced rates of children's clothes.

/** Percent, and the day from which the rate holds (ISO 8601); earlier ones stand first. */
type Rates = [from: string, percent: number][];

const standardRates: Record<string, Rates> = {
  AT: [['1984-01-01', 20]],
  BE: [['1996-01-01', 21]],
  BG: [['1999-01-01', 20]],
  HR: [['2012-03-01', 25]],
  CY: [['2014-01-13', 19]],
  CZ: [['2013-01-01', 21]],
  DK: [['1992-01-01', 25]],
  EE: [
    ['2009-07-01', 20],
    ['2024-01-01', 22],
    ['2025-07-01', 24],
  ],
  FI: [
    ['2013-01-01', 24],
    ['2024-09-01', 25.5],
  ],
  FR: [['2014-01-01', 20]],
  DE: [
    ['2007-01-01', 19],
    ['2020-07-01', 16],
    ['2021-01-01', 19],
  ],
  GR: [['2016-06-01', 24]],
  HU: [['2012-01-01', 27]],
  IE: [
    ['2012-01-01', 23],
    ['2020-09-01', 21],
    ['2021-03-01', 23],
  ],
  IT: [['2013-10-01', 22]],
  LV: [['2012-07-01', 21]],
  LT: [['2009-09-01', 21]],
  LU: [
    ['2015-01-01', 17],
    ['2023-01-01', 16],
    ['2024-01-01', 17],
  ],
  MT: [['2004-01-01', 18]],
  NL: [['2012-10-01', 21]],
  PL: [['2011-01-01', 23]],
  PT: [['2011-01-01', 23]],
  RO: [
    ['2017-01-01', 19],
    ['2025-08-01', 21],
  ],
  SK: [
    ['2011-01-01', 20],
    ['2025-01-01', 23],
  ],
  SI: [['2013-07-01', 22]],
  ES: [['2012-09-01', 21]],
  SE: [['1990-07-01', 25]],
};

/** Only where clothes of children are taxed otherwise than those of grown-ups. */
const childrensRates: Record<string, Rates> = {
  IE: [['1984-05-01', 0]],
  LU: [['2015-01-01', 3]],
};

export interface Taxed {
  isForChildren: boolean;
}

/**
 * @param country two letters (ISO 3166) of a member state
 * @returns percent; before the first day that is listed, the rate of that day
 * @throws Error for a country without rates, to which nothing may be sold
 */
export function findVatRate(country: string, { isForChildren }: Taxed, at: Date): number {
  const day = at.toISOString().slice(0, 10);
  const rates = (isForChildren ? childrensRates[country] : undefined) ?? standardRates[country];
  if (rates === undefined) throw new Error(`Cannot tax as no rate of VAT is known for '${country}'`);
  return (rates.findLast(([from]) => from <= day) ?? rates[0]!)[1];
}
