// Hardening of databases: not public, encrypted, backed up, protected from deletion, with their logs exported.
import type { DBCluster, DBInstance } from '@aws-sdk/client-rds';
import type { Verdict } from '../findings.ts';
import { chooseFix } from '../fixes/write-fix.ts';
import type { DatabasePart } from '../parts/part.ts';
import { type Context, type Control, knownSwitch } from '../rules/control.ts';
import { known, knownList, knownOrAbsent, UnknownError } from '../unknown.ts';

type Judgement = Pick<Control, 'needs' | 'consults'> & {
  judge(context: Context, part: DatabasePart, verdict: Verdict): void;
};

/** FSBP RDS.11 requires seven days unless another number is configured. */
export const leastBackupDays = 7;

const calls = { needs: ['rds.DescribeDBInstances'], consults: ['rds.DescribeDBClusters'] };

export const publicDatabases: Judgement = {
  ...calls,
  judge({ inventory }, part, verdict) {
    const { raw, name, replicas } = part;
    // A cluster only has such a property of its own if RDS creates its instances.
    if (part.flavor === 'cluster') {
      verdict.attempt(() => {
        if (knownOrAbsent(part.raw.PubliclyAccessible, `PubliclyAccessible of ${name}`) === true)
          verdict.fail({ reason: `${name} is publicly accessible`, fix: fixPublic(part, name, inventory) });
      });
      verdict.attempt(() => requireMembers(part, verdict));
    }
    const instances = part.flavor === 'cluster' ? part.members : [raw as DBInstance];
    for (const each of [...instances, ...replicas]) {
      verdict.attempt(() => {
        const id = each.DBInstanceIdentifier ?? name;
        if (!knownSwitch(each.PubliclyAccessible, `PubliclyAccessible of ${id}`)) {
          verdict.pass(`${id} has no public address`);
          return;
        }
        verdict.fail({ reason: `${id} is publicly accessible`, fix: fixPublic(part, id, inventory) });
      });
    }
  },
};

function fixPublic(part: DatabasePart, id: string, inventory: Context['inventory']): string {
  const isCluster = part.flavor === 'cluster' && id === part.name;
  return chooseFix(inventory, {
    command: isCluster
      ? `aws rds modify-db-cluster --db-cluster-identifier ${id} --no-publicly-accessible --apply-immediately`
      : `aws rds modify-db-instance --db-instance-identifier ${id} --no-publicly-accessible --apply-immediately`,
    template: `set PubliclyAccessible of ${id} to false`,
  });
}

/** Adds an unknown for a member that no answer describes. Aurora Serverless v1 passes, as it has no public address. */
function requireMembers(part: Extract<DatabasePart, { flavor: 'cluster' }>, verdict: Verdict): void {
  const { raw, name, members } = part;
  if (raw.EngineMode === 'serverless') {
    verdict.pass(`${name} is Aurora Serverless v1, which has no public address`);
    return;
  }
  const ids = new Set(members.map(({ DBInstanceIdentifier }) => DBInstanceIdentifier));
  const told = knownList(raw.DBClusterMembers, `members of ${name}`);
  for (const { DBInstanceIdentifier: id } of told)
    if (!ids.has(id)) verdict.unknown(`member ${id} of ${name} is not in any answer`);
  if (told.length + members.length === 0) verdict.pass(`${name} has no instance`);
}

export const encryptedDatabases: Judgement = {
  ...calls,
  judge({ inventory }, { raw, name, replicas, flavor }, verdict) {
    for (const each of [raw, ...replicas]) {
      verdict.attempt(() => {
        const id = idOf(each) ?? name;
        const encrypted = knownSwitch(each.StorageEncrypted, `StorageEncrypted of ${id}`);
        // If AWS owns the key, RDS answers `false` here and gives the encryption in StorageEncryptionType.
        const type = knownOrAbsent(each.StorageEncryptionType, `the encryption of ${id}`);
        if (encrypted) verdict.pass(`storage of ${id} is encrypted`);
        else if (type !== undefined && type !== 'none') {
          verdict.pass(`storage of ${id} is encrypted (${type})`);
          verdict.warn(`storage of ${id} is encrypted with a key that AWS owns`);
        } else
          verdict.fail({
            reason: `storage of ${id} is not encrypted`,
            fix: chooseFix(inventory, {
              // RDS can't encrypt an existing database: its data must move by way of an encrypted snapshot.
              command:
                flavor === 'cluster'
                  ? `aws rds create-db-cluster-snapshot --db-cluster-identifier ${id} --db-cluster-snapshot-identifier ${id}-plain # restore it with --kms-key-id`
                  : `aws rds create-db-snapshot --db-instance-identifier ${id} --db-snapshot-identifier ${id}-plain # copy it with --kms-key-id and restore the copy`,
              template: `set StorageEncrypted of ${id} to true (this replaces it: restore its data from an encrypted snapshot)`,
            }),
          });
      });
    }
  },
};

export const databaseBackups: Judgement = {
  ...calls,
  judge({ inventory }, part, verdict) {
    const { raw, name } = part;
    // The source keeps the backups, and nothing is known about the source.
    if (part.isReplica) {
      verdict.unknown(`${name} is a replica, and its source is not seen`);
      return;
    }
    verdict.attempt(() => {
      const days: unknown = known(raw.BackupRetentionPeriod, `BackupRetentionPeriod of ${name}`);
      if (typeof days !== 'number' || !Number.isFinite(days))
        throw new UnknownError(`BackupRetentionPeriod of ${name} is not a number`);
      if (days >= leastBackupDays) verdict.pass(`backups of ${name} are kept for ${days} days`);
      else
        verdict.fail({
          reason:
            days > 0
              ? `backups of ${name} are kept for ${days} day${days === 1 ? '' : 's'}, at least ${leastBackupDays} are needed`
              : `${name} has no automatic backups`,
          fix: modify(inventory, part, `--backup-retention-period ${leastBackupDays}`, {
            template: `set BackupRetentionPeriod of ${name} to ${leastBackupDays} or more`,
          }),
        });
    });
  },
};

export const protectedDatabases: Judgement = {
  ...calls,
  judge({ inventory }, part, verdict) {
    const { raw, name } = part;
    verdict.attempt(() => {
      if (knownSwitch(raw.DeletionProtection, `DeletionProtection of ${name}`))
        verdict.pass(`${name} is protected from deletion`);
      else
        verdict.fail({
          reason: `${name} can be deleted by one call`,
          fix: modify(inventory, part, '--deletion-protection', {
            template: `set DeletionProtection of ${name} to true`,
          }),
        });
    });
  },
};

/** For each engine: the name of its error log in CloudWatch Logs. */
const errorLogs: [RegExp, string][] = [
  [/postgres/i, 'postgresql'],
  [/mysql|mariadb|aurora/i, 'error'],
  [/oracle/i, 'alert'],
  [/sqlserver/i, 'error'],
  [/db2/i, 'diag.log'],
];

export const databaseLogs: Judgement = {
  ...calls,
  judge({ inventory }, part, verdict) {
    const { name, raw } = part;
    verdict.attempt(() => {
      const engine = String(known(raw.Engine, `the engine of ${name}`));
      const log = errorLogs.find(([pattern]) => pattern.test(engine))?.[1];
      if (log === undefined) throw new UnknownError(`which log ${engine} writes its errors to is not known`);
      // The answer leaves the list out if no log is exported.
      const exported = knownList(raw.EnabledCloudwatchLogsExports, `logs of ${name}`).map(String);
      if (exported.includes(log)) verdict.pass(`the log ${log} of ${name} is kept in CloudWatch Logs`);
      else
        verdict.fail({
          reason: `the log ${log} of ${name} is not kept in CloudWatch Logs`,
          fix: modify(inventory, part, `--cloudwatch-logs-export-configuration EnableLogTypes=${log}`, {
            template: `add ${log} to EnableCloudwatchLogsExports of ${name}`,
          }),
        });
    });
  },
};

function modify(
  inventory: Context['inventory'],
  { flavor, name }: DatabasePart,
  change: string,
  { template }: { template: string },
): string {
  const call =
    flavor === 'cluster'
      ? `aws rds modify-db-cluster --db-cluster-identifier ${name}`
      : `aws rds modify-db-instance --db-instance-identifier ${name}`;
  return chooseFix(inventory, { command: `${call} ${change} --apply-immediately`, template });
}

function idOf(each: DBInstance | DBCluster): string | undefined {
  return 'DBInstanceIdentifier' in each ? each.DBInstanceIdentifier : (each as DBCluster).DBClusterIdentifier;
}
