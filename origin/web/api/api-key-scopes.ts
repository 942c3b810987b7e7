// What an API key may be for, and a key whose request is under way.

/** Each with what it allows, in words for staff. */
export const apiKeyScopes = {
  'orders:read': 'See orders and their delivery, without the person',
  'orders:write': 'Ship, deliver, cancel, refund orders and receive returns',
  'customers:read': 'See names, addresses and e-mails of customers, also in orders',
  'catalog:read': 'Look up variants and see how far a change has come',
  'catalog:write': 'Change products',
  'stock:write': 'Set and add stock',
  'selling:read': 'See promotion codes and delivery methods',
  'selling:write': 'Change promotion codes and delivery methods',
  'events:read': 'Read what happened in the shop',
} as const;

export type ApiKeyScope = keyof typeof apiKeyScopes;

export const apiKeyScopeNames = Object.keys(apiKeyScopes) as ApiKeyScope[];

export interface AdmittedKey {
  id: string;
  name: string;
  scopes: ApiKeyScope[];
}
