// Kysely's types of the tables for other systems. Only files of this folder query them; keys' names stand in histories.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { ApiKeyScope } from '../web/env.ts';

export interface IntegrationTables {
  api_keys: {
    id: GeneratedAlways<string>;
    name: string;
    hash: string;
    scopes: ApiKeyScope[];
    /** Who made it; null once that account is gone. */
    account_id: string | null;
    created_at: ColumnType<Date, never, never>;
    last_used_at: ColumnType<Date | null, never, Date>;
    revoked_at: ColumnType<Date | null, never, Date>;
  };
  /** Written by triggers; not numbered yet. */
  new_shop_events: { id: GeneratedAlways<string>; type: string; subject: string };
  shop_events: {
    position: string;
    type: string;
    at: Date;
    /** Such as `order:7`. */
    subject: string;
    data: Record<string, unknown>;
  };
  /** One row, locked by each transaction that numbers events. */
  shop_event_counter: { only_row: Generated<boolean>; last_position: string };
  webhook_endpoints: {
    id: GeneratedAlways<string>;
    url: string;
    /** Empty: all. */
    types: string[];
    secret: string;
    /** Signs as well until then. */
    former_secret: string | null;
    former_secret_until: Date | null;
    state: Generated<'active' | 'paused'>;
    paused_because: string | null;
    /** Since when every attempt failed. */
    failing_since: Date | null;
    /** Not tried before, as it seems to be away. */
    retry_at: Date | null;
    /** The outbox row that delivers to it. */
    job_id: string | null;
    created_at: ColumnType<Date, never, never>;
  };
  webhook_deliveries: {
    endpoint_id: string;
    position: string;
    state: Generated<'pending' | 'delivered' | 'failed'>;
    attempts: Generated<number>;
    due_at: ColumnType<Date, Date | undefined, Date>;
    first_tried_at: Date | null;
    tried_at: Date | null;
    /** Of the last answer; null where there was none. */
    status: number | null;
    error: string | null;
  };
}
