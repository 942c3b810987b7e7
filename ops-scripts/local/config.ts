// Reads the settings of `npm start` and `npm run region` from the environment. Child processes get all other settings.
import { type CartState, readSettings } from '../../origin/config.ts';

type Environment = Record<string, string | undefined>;

export interface LocalSettings {
  dataDir: string;
  host: string;
  /** 0: a free port. */
  port: number;
  cartState: CartState;
  /** Undefined: 3001, or a free port if that is taken. 0: a free port. */
  workerPort: number | undefined;
  /** If set, no Postgres is started. */
  databaseUrl: string | undefined;
  migrationDatabaseUrl: string | undefined;
  redisUrl: string | undefined;
  cookieKeys: string | undefined;
  operatorPassword: string | undefined;
  staffEmail: string;
  staffPassword: string | undefined;
  /** Whether npm is the parent. npm passes signals on, but nobody reports its death, so this process watches it. */
  startedByNpm: boolean;
  environment: Environment;
}

/** @throws SettingsError with every fault at once */
export function readLocalSettings(env: Environment = process.env): LocalSettings {
  const standIns = {
    DATABASE_URL: 'postgres://made.later/myclothes',
    REDIS_URL: 'redis://made.later',
    COOKIE_KEYS: 'made-and-kept-by-the-local-start-of-the-shop',
    // The e-mail alone is enough here, because the password is generated.
    ...(isSet(env['STAFF_EMAIL']) ? { STAFF_PASSWORD: 'made-later-and-kept' } : {}),
    ...(isSet(env['STAFF_PASSWORD']) ? { STAFF_EMAIL: defaultStaffEmail } : {}),
  };
  const environment = Object.fromEntries(Object.entries(env).filter(([, value]) => isSet(value)));
  const settings = readSettings({ ...standIns, ...environment });
  return {
    dataDir: settings.dataDir,
    host: settings.host,
    port: settings.port,
    cartState: settings.cartState,
    workerPort: isSet(env['WORKER_PORT']) ? settings.workerPort : undefined,
    databaseUrl: environment['DATABASE_URL'],
    migrationDatabaseUrl: environment['MIGRATION_DATABASE_URL'],
    redisUrl: environment['REDIS_URL'],
    cookieKeys: environment['COOKIE_KEYS'],
    operatorPassword: environment['OPERATOR_PASSWORD'],
    staffEmail: environment['STAFF_EMAIL'] ?? defaultStaffEmail,
    staffPassword: environment['STAFF_PASSWORD'],
    startedByNpm: isSet(env['npm_lifecycle_event']),
    environment,
  };
}

const defaultStaffEmail = 'staff@myclothes.test';

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
