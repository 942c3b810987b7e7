// Kysely's types of the account tables. Only files of this folder query them.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

type Time = ColumnType<Date, Date | undefined, Date>;

export interface AccountTables {
  accounts: {
    id: GeneratedAlways<string>;
    email: string;
    name: string;
    password_hash: string;
    role: Generated<'shopper' | 'staff'>;
    version: Generated<number>;
    created_at: Time;
  };
  sessions: {
    id: GeneratedAlways<string>;
    token_hash: string;
    account_id: string;
    device: Generated<string>;
    created_at: Time;
    last_seen_at: Time;
  };
  password_resets: {
    token_hash: string;
    account_id: string;
    created_at: Time;
    used_at: Date | null;
  };
}
