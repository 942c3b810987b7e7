// The roles of staff, and which of them each kind of work takes. The table of routes names one of these for each route.

export const staffRoles = ['owner', 'staff', 'editor', 'viewer'] as const;
export type StaffRole = (typeof staffRoles)[number];

/** Reads products, promotions and delivery methods. */
export const anyStaff: readonly StaffRole[] = [...staffRoles];
/** Changes products, stock and promotions. */
export const catalogStaff: readonly StaffRole[] = ['owner', 'editor'];
/** Sees orders and customers: personal data. */
export const orderReaders: readonly StaffRole[] = ['owner', 'staff', 'viewer'];
/** Ships, refunds, cancels, takes returns. */
export const orderStaff: readonly StaffRole[] = ['owner', 'staff'];
/** Decides who works here, and everything that nobody else may. */
export const owners: readonly StaffRole[] = ['owner'];

/** What each role may do, in a sentence for people. */
export const roleMeanings: Record<StaffRole, string> = {
  owner: 'Everything, and who works here',
  staff: 'Orders, returns and customers',
  editor: 'Products, stock and promotions',
  viewer: 'Reads everything, changes nothing',
};
