// The tables of the web layer. Only files of this folder query them.
import type { ColumnType } from 'kysely';

export interface WebTables {
  kept_assets: {
    /** Such as `shop.Zk3-q_1aBc.css`. */
    hashed_name: string;
    content: string;
    /** When a release that has it was last started. */
    started_at: ColumnType<Date, Date | undefined, Date>;
  };
}
