// Defines the facts that the law requires on a product's page (Regulation (EU) 2023/988, Article 19).
// They are material, care, origin, manufacturer and responsible person. They are stored flat; the API groups them.
import { z } from '@hono/zod-openapi';
import { EmailField, plainLines } from '../web/api/plain-text.ts';

/** By member: its label for staff, and its column in product files. */
export const factNames = {
  material: { label: 'Material', column: 'Product Material' },
  care: { label: 'Care', column: 'Product Care' },
  origin: { label: 'Made in', column: 'Product Origin' },
  manufacturerName: { label: 'Manufacturer', column: 'Manufacturer Name' },
  manufacturerAddress: { label: 'Manufacturer’s address', column: 'Manufacturer Address' },
  manufacturerEmail: { label: 'Manufacturer’s e-mail', column: 'Manufacturer Email' },
  responsibleName: { label: 'Responsible person in the EU', column: 'Responsible Person Name' },
  responsibleAddress: { label: 'Responsible person’s address', column: 'Responsible Person Address' },
  responsibleEmail: { label: 'Responsible person’s e-mail', column: 'Responsible Person Email' },
} as const;

export type FactName = keyof typeof factNames;
export const allFacts = Object.keys(factNames) as FactName[];

/** Unknown facts are absent. */
export type ProductFacts = Partial<Record<FactName, string>>;

/** An empty text removes a fact; an absent member leaves it. */
export type FactsPatch = Partial<Record<FactName, string>>;

export const longestFact = 2_000;

const text = z.string().optional();
const exampleParty = {
  name: 'Norlund A/S',
  address: 'Havnegade 1, 1058 København, DK',
  email: 'info@norlund.example',
};
const PartySchema = z
  .object({ name: text, address: text, email: text })
  .optional()
  .openapi('ResponsibleParty', { example: exampleParty });

/** The facts in the API's answers, beside the other members of a product. */
export const factMembers = {
  material: text.openapi({ example: '100 % linen' }),
  care: text.openapi({ example: 'Machine wash at 30 °C' }),
  origin: text.openapi({ description: 'Where it was made', example: 'Portugal' }),
  manufacturer: PartySchema,
  responsiblePerson: PartySchema,
};

const Text = plainLines(longestFact)
  .nullish()
  .transform((found) => (found === undefined ? undefined : (found ?? '').trim()));
const Email = z
  .union([EmailField, z.literal(''), z.null()])
  .optional()
  .transform((found) => (found === undefined ? undefined : (found ?? '')));
const PartyToWrite = z
  .strictObject({ name: Text, address: Text, email: Email })
  .openapi('ResponsiblePartyToWrite', { example: exampleParty });
const PartyOrNone = z.union([PartyToWrite, z.null()]).optional();

/** The facts in the API's requests; null or an empty text removes one. */
export const factMembersToWrite = {
  material: Text,
  care: Text,
  origin: Text,
  manufacturer: PartyOrNone,
  responsiblePerson: PartyOrNone,
};

type FactsToWrite = {
  [Member in keyof typeof factMembersToWrite]?: z.infer<(typeof factMembersToWrite)[Member]>;
};

/** @returns undefined where the request names no fact */
export function readFactsPatch(members: FactsToWrite): FactsPatch | undefined {
  const { manufacturer, responsiblePerson, ...own } = members;
  const gone = { name: '', address: '', email: '' };
  const [made, responsible] = [manufacturer, responsiblePerson].map((party) =>
    party === null ? gone : party,
  );
  const patch: Partial<Record<FactName, string | undefined>> = {
    ...own,
    manufacturerName: made?.name,
    manufacturerAddress: made?.address,
    manufacturerEmail: made?.email,
    responsibleName: responsible?.name,
    responsibleAddress: responsible?.address,
    responsibleEmail: responsible?.email,
  };
  const named = Object.entries(patch).filter((entry) => entry[1] !== undefined);
  return named.length === 0 ? undefined : (Object.fromEntries(named) as FactsPatch);
}

export function mergeFacts(known: ProductFacts, patch: FactsPatch): ProductFacts {
  const merged = { ...known, ...patch };
  return Object.fromEntries(allFacts.flatMap((name) => (merged[name] ? [[name, merged[name]]] : [])));
}

export function isSameFacts(one: ProductFacts, other: ProductFacts): boolean {
  return allFacts.every((name) => (one[name] ?? '') === (other[name] ?? ''));
}

export interface ResponsibleParty {
  name?: string | undefined;
  address?: string | undefined;
  email?: string | undefined;
}

export interface ToldFacts {
  material?: string | undefined;
  care?: string | undefined;
  origin?: string | undefined;
  manufacturer?: ResponsibleParty | undefined;
  responsiblePerson?: ResponsibleParty | undefined;
}

export function tellFacts(facts: ProductFacts): ToldFacts {
  const party = (name: FactName, address: FactName, email: FactName): ResponsibleParty | undefined => {
    const known = { name: facts[name], address: facts[address], email: facts[email] };
    const told = Object.entries(known).filter((entry) => entry[1]);
    return told.length === 0 ? undefined : Object.fromEntries(told);
  };
  const { material, care, origin } = facts;
  const manufacturer = party('manufacturerName', 'manufacturerAddress', 'manufacturerEmail');
  const responsiblePerson = party('responsibleName', 'responsibleAddress', 'responsibleEmail');
  return {
    ...(material && { material }),
    ...(care && { care }),
    ...(origin && { origin }),
    ...(manufacturer && { manufacturer }),
    ...(responsiblePerson && { responsiblePerson }),
  };
}

/** One fact of a product in the API's form; empty where it is unknown. */
export function factOf(told: ToldFacts, name: FactName): string {
  const { manufacturer, responsiblePerson, material, care, origin } = told;
  const facts: Record<FactName, string | undefined> = {
    material,
    care,
    origin,
    manufacturerName: manufacturer?.name,
    manufacturerAddress: manufacturer?.address,
    manufacturerEmail: manufacturer?.email,
    responsibleName: responsiblePerson?.name,
    responsibleAddress: responsiblePerson?.address,
    responsibleEmail: responsiblePerson?.email,
  };
  return facts[name] ?? '';
}
