// Asks one server small questions on a connection of its own, so that they never wait behind reads.
import pg from 'pg';

export interface ProbeOptions {
  url: string;
  /** Shown in pg_stat_activity. */
  name: string;
  /** For the connection and for each answer. */
  timeoutMs: number;
}

export interface Probe {
  /** @throws where the server does not answer in time; the connection is then never used again. */
  ask(sql: string): Promise<unknown[]>;
  close(): void;
}

export function createProbe({ url, name, timeoutMs }: ProbeOptions): Probe {
  let connection: Promise<pg.Client> | undefined;
  let isClosed = false;

  const drop = () => {
    connection?.then((client) => client.end()).catch(() => undefined);
    connection = undefined;
  };

  const connect = async () => {
    const client = new pg.Client({
      connectionString: url,
      application_name: name,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      keepAlive: true,
    });
    client.on('error', drop);
    await client.connect();
    return client;
  };

  return {
    async ask(sql) {
      if (isClosed) throw new Error('Nothing is asked any more as this process ends');
      connection ??= connect();
      try {
        const client = await connection;
        return (await client.query(sql)).rows;
      } catch (error) {
        drop();
        throw error;
      }
    },
    close() {
      isClosed = true;
      drop();
    },
  };
}
