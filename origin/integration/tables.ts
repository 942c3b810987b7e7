// Kysely's types of the tables for other systems. Only this folder queries them. Histories contain names of keys.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { ApiKeyScope } from '../web/env.ts';

export interface IntegrationTables {
  api_keys: {
    id: GeneratedAlways<string>;
    name: string;
    hash: string;
    scopes: ApiKeyScope[];
    /** The account that made it; null after that account is deleted. */
    account_id: string | null;
    created_at: ColumnType<Date, never, never>;
    last_used_at: ColumnType<Date | null, never, Date>;
    revoked_at: ColumnType<Date | null, never, Date>;
  };
  /** Written by triggers; these events have no number yet. */
  new_shop_events: { id: GeneratedAlways<string>; type: string; subject: string };
  shop_events: {
    position: string;
    type: string;
    at: Date;
    /** Subject of the event, such as `order:7`. */
    subject: string;
    data: Record<string, unknown>;
  };
  /** One row, locked by each transaction that numbers events. */
  shop_event_counter: { only_row: Generated<boolean>; last_position: string };
  webhook_endpoints: {
    id: GeneratedAlways<string>;
    url: string;
    /** Empty for all types. */
    types: string[];
    secret: string;
    /** Signs as well until `former_secret_until`. */
    former_secret: string | null;
    former_secret_until: Date | null;
    state: Generated<'active' | 'paused'>;
    paused_because: string | null;
    /** Time since which every attempt failed. */
    failing_since: Date | null;
    /** No attempt before this time, because the endpoint seems unreachable. */
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
    /** Status of the last answer; null without an answer. */
    status: number | null;
    error: string | null;
  };
}
