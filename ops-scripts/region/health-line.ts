// A persistent connection for a server's health checks, without a fork or a password hash for each.
// It therefore answers on a busy machine too. A broken one is opened again by the next check.
import pg from 'pg';

export interface HealthLine {
  /** @throws where it is not answered within a second. */
  ask<Row>(sql: string): Promise<Row[]>;
  close(): void;
}

const questionMs = 1_000;

export function createHealthLine(url: string): HealthLine {
  let line: Promise<pg.Client> | undefined;
  const hangUp = (ended: Promise<pg.Client> | undefined) => {
    if (line === ended) line = undefined;
    ended?.then(
      (client) => client.end().catch(() => undefined),
      () => undefined,
    );
  };
  const open = (): Promise<pg.Client> => {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'region-health',
      connectionTimeoutMillis: questionMs,
      query_timeout: questionMs,
    });
    const opening = client.connect().then(() => client);
    client.on('error', () => hangUp(opening));
    return opening;
  };
  return {
    async ask<Row>(sql: string) {
      line ??= open();
      const mine = line;
      try {
        return (await (await mine).query(sql)).rows as Row[];
      } catch (error) {
        hangUp(mine);
        throw error;
      }
    },
    close: () => hangUp(line),
  };
}
