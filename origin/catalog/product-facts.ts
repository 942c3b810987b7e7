// What the law asks of a product's page: material, care, origin, manufacturer and responsible person. Their schema, and
// how files name them.

/** By member: what it is called on pages, and its column in product files. */
export const factNames = {
  material: { label: 'Material', column: 'Material' },
  care: { label: 'Care', column: 'Care' },
  origin: { label: 'Made in', column: 'Origin' },
  manufacturerName: { label: 'Manufacturer', column: 'Manufacturer Name' },
  manufacturerAddress: { label: 'Address of the manufacturer', column: 'Manufacturer Address' },
  manufacturerEmail: { label: 'E-mail of the manufacturer', column: 'Manufacturer Email' },
  responsibleName: { label: 'Responsible person in the EU', column: 'Responsible Person Name' },
  responsibleAddress: {
    label: 'Address of the responsible person',
    column: 'Responsible Person Address',
  },
  responsibleEmail: { label: 'E-mail of the responsible person', column: 'Responsible Person Email' },
} as const;

export type FactName = keyof typeof factNames;

/** What is unknown is absent. */
export type ProductFacts = Partial<Record<FactName, string>>;
