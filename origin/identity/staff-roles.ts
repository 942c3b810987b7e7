// The roles of staff, and the roles for each kind of work. The table of routes uses these lists.

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
/** Decides who is staff, and everything else that no other role may do. */
export const owners: readonly StaffRole[] = ['owner'];

/** A sentence for people about what each role may do. */
export const roleMeanings: Record<StaffRole, string> = {
  owner: 'Everything, and who works here',
  staff: 'Orders, returns and customers',
  editor: 'Products, stock and promotions',
  viewer: 'Reads everything, changes nothing',
};
