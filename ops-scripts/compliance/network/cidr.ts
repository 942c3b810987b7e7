// A parsed CIDR: its text, its range, and whether it includes internet addresses.
import { type AddressRange, holdsPublicAddress, parseCidr } from './address.ts';

export interface Cidr {
  readonly cidr: string;
  /** None where the text is not a CIDR. */
  readonly range: AddressRange | undefined;
  readonly isPublic: boolean;
}

export function readCidr(cidr: string): Cidr {
  const range = parseCidr(cidr);
  return { cidr, range, isPublic: range !== undefined && holdsPublicAddress(range.family, [range]) };
}
