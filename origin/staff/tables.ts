// biome-ignore lint/suspicious/noEmptyInterface: filled when the domain gets its first table
export interface StaffTables {}
