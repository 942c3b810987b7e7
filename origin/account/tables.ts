// Kysely's types of the account tables. Only files of this folder query them.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { SignInTrace } from '../identity/session.ts';
import type { StaffRole } from '../identity/staff-roles.ts';

type Time = ColumnType<Date, Date | undefined, Date>;

export interface AccountTables {
  accounts: {
    id: GeneratedAlways<string>;
    email: string;
    name: string;
    password_hash: string;
    role: Generated<'shopper' | 'staff'>;
    /** Null for shoppers. Also null for staff of the previous release, who are owners. */
    staff_role: StaffRole | null;
    email_confirmed_at: Date | null;
    last_sign_in: ColumnType<SignInTrace | null, string | null | undefined, string | null>;
    version: Generated<number>;
    created_at: Time;
  };
  sessions: {
    id: GeneratedAlways<string>;
    token_hash: string;
    account_id: string;
    device: Generated<string>;
    /** Network of the sign-in; see `networkOf`. */
    address: Generated<string>;
    previous_sign_in: ColumnType<SignInTrace | null, string | null | undefined, string | null>;
    /** When the second factor was last shown; without a second factor, the password. */
    verified_at: Date | null;
    created_at: Time;
    last_seen_at: Time;
  };
  totp_secrets: {
    account_id: string;
    /** Sealed; see `totp.ts`. */
    secret: string;
    confirmed_at: Date | null;
    /** The time step of the last accepted code. Codes of this step or an earlier one are refused. */
    last_step: ColumnType<string, number | undefined, number>;
  };
  recovery_codes: {
    account_id: string;
    code_hash: string;
    used_at: Date | null;
  };
  passkeys: {
    credential_id: string;
    account_id: string;
    public_key: string;
    counter: ColumnType<string, number, number>;
    transports: string;
    name: string;
    created_at: Time;
    last_used_at: Date | null;
  };
  email_confirmations: {
    token_hash: string;
    account_id: string;
    email: string;
    created_at: Time;
    /** When the new address confirmed the change. */
    used_at: Date | null;
    former_email: string | null;
    undo_hash: string | null;
    undone_at: Date | null;
  };
  used_challenges: {
    challenge_hash: string;
    used_at: Time;
  };
  operators: {
    /** The name in lower case. */
    id: string;
    name: string;
    /** Sealed; see `totp.ts`. */
    totp_secret: string | null;
    totp_confirmed_at: Date | null;
    totp_last_step: ColumnType<string, number | undefined, number>;
    created_at: Time;
  };
  operator_recovery_codes: {
    operator_id: string;
    code_hash: string;
    used_at: Date | null;
  };
  operator_passkeys: {
    credential_id: string;
    operator_id: string;
    public_key: string;
    counter: ColumnType<string, number, number>;
    transports: string;
    name: string;
    created_at: Time;
    last_used_at: Date | null;
  };
  operator_sessions: {
    token_hash: string;
    name: string;
    device: string;
    address: string;
    created_at: Time;
    ended_at: Date | null;
    last_seen_at: Time;
    /** When a second factor was last shown. */
    verified_at: Date | null;
  };
  password_resets: {
    token_hash: string;
    account_id: string;
    created_at: Time;
    used_at: Date | null;
  };
}
