// The documented default port of each engine, for stores whose template names none. Engine names in any case.
import { unknownValue } from '../snapshot.ts';

const defaultPorts: [RegExp, number][] = [
  [/postgres/i, 5432],
  [/mysql|mariadb|aurora/i, 3306],
  [/oracle/i, 1521],
  [/sqlserver/i, 1433],
  [/db2/i, 50000],
  [/redis|valkey/i, 6379],
  [/memcached/i, 11211],
];

/** The port as a number; an unknown value where neither port nor engine tells it. */
export function portOf(port: unknown, engine: unknown): unknown {
  if (port !== undefined) return typeof port === 'string' ? Number(port) : port;
  const found = typeof engine === 'string' ? defaultPorts.find(([name]) => name.test(engine)) : undefined;
  return found?.[1] ?? unknownValue('neither the port nor a known engine is declared');
}
