// Realistic names and postal addresses for shoppers.
import type { SeededRandom } from '../../../traffic/seeded-random.ts';
import type { ShopLife } from '../life.ts';
import type { Fate } from '../shop/mail-server.ts';

export interface Address {
  name: string;
  line1: string;
  line2: string;
  city: string;
  postalCode: string;
  country: string;
}

const places: Omit<Address, 'name' | 'line2'>[] = [
  { line1: 'Invalidenstraße 43', postalCode: '10115', city: 'Berlin', country: 'DE' },
  { line1: '5 rue de l’Échaudé', postalCode: '75006', city: 'Paris', country: 'FR' },
  { line1: '1 O’Connell Street', postalCode: 'D01 F5P2', city: 'Dublin', country: 'IE' },
  { line1: 'Kalverstraat 1/3', postalCode: '1012 NX', city: 'Amsterdam', country: 'NL' },
  { line1: 'Ερμού 12', postalCode: '105 63', city: 'Αθήνα', country: 'GR' },
  { line1: 'Żurawia 6/12', postalCode: '00-503', city: 'Warszawa', country: 'PL' },
  { line1: 'Rua Augusta, n.º 10', postalCode: '1100-053', city: 'Lisboa', country: 'PT' },
  { line1: 'Götgatan 11', postalCode: '116 46', city: 'Malmö & Stockholm', country: 'SE' },
  { line1: 'бул. „Витоша“ 1', postalCode: '1000', city: 'София', country: 'BG' },
  { line1: 'Calle Mayor, 1', postalCode: '28013', city: 'Madrid', country: 'ES' },
];

const names = [
  'Søren Ærø',
  'Ελένη Παπαδοπούλου',
  'Seán O’Brien & Sons',
  'Zoë Müller-Lüdenscheidt',
  '李小龙',
  'مريم النجار',
  'Łucja Żółć',
  'J. R. “Bob” Dobbs',
  'Ann',
  'Иван Петров 🌸',
];

export function pickName(random: SeededRandom): string {
  return random.pick(names);
}

export function pickAddress(random: SeededRandom, name = pickName(random)): Address {
  const line2 = random.next() < 0.3 ? 'c/o Flat 3/B, “The Lofts”' : '';
  return { ...random.pick(places), name, line2 };
}

/** Most mailboxes accept mail. One in five has one of these fates. */
const fateOfTwenty: Fate[] = ['delays', 'delays', 'refuses for now', 'refuses for good'];

/** Makes an address of its own for somebody, and decides what the mail server does with mails to it. */
export function makeMailbox(life: ShopLife, random: SeededRandom): { email: string; fate: Fate } {
  life.guests += 1;
  const who = random.pick(['ann', 'o’neil', 'first.last+tag', 'x', 'SHOUTING.Sam']).replace('’', "'");
  const email = `${who}-${life.guests}@life.test`;
  const rare = random.next();
  const fate =
    rare < 0.02 ? 'hangs' : rare < 0.04 ? 'stalls' : (fateOfTwenty[random.integer(0, 19)] ?? 'accepts');
  life.mailServer.setFate(email, fate);
  return { email, fate };
}
