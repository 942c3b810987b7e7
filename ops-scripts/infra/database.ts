// The database: RDS primary, synchronous standby in another zone, and read replicas that each have a name.
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { InstanceType, SubnetType, type Vpc } from 'aws-cdk-lib/aws-ec2';
import {
  CaCertificate,
  Credentials,
  DatabaseInstance,
  DatabaseInstanceEngine,
  DatabaseInstanceReadReplica,
  ParameterGroup,
  PostgresEngineVersion,
  StorageType,
} from 'aws-cdk-lib/aws-rds';
import type { Construct } from 'constructs';
import type { Secrets } from './secrets.ts';
import type { SecurityGroups } from './security-groups.ts';
import { ports, type StackOptions } from './stack-options.ts';

export const databaseName = 'myclothes';

export interface Database {
  /** Leads to the writer, also after a failover. */
  writerAddress: string;
  /** One name a replica, never one that mixes them: a reader asks how far that one is. */
  replicaAddresses: string[];
  /** What CloudWatch calls the writer and its replicas. */
  dimensions: { writer: Record<string, string>; replicas: Record<string, string>[] };
}

export function addDatabase(
  scope: Construct,
  { size: { database: size }, replicas: count }: StackOptions,
  vpc: Vpc,
  groups: SecurityGroups,
  secrets: Secrets,
): Database {
  const engine = DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_18_3 });
  const shared = {
    vpc,
    vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
    securityGroups: [groups.database],
    instanceType: new InstanceType(size.instanceClass.replace('db.', '')),
    storageType: StorageType.GP3,
    maxAllocatedStorage: size.maxStorageGib,
    port: ports.database,
    parameterGroup: databaseSettings(scope, engine),
    caCertificate: CaCertificate.RDS_CA_RSA2048_G1,
    enablePerformanceInsights: true,
    cloudwatchLogsExports: ['postgresql'],
    autoMinorVersionUpgrade: true,
    deletionProtection: true,
    copyTagsToSnapshot: true,
    publiclyAccessible: false,
  };
  const writer = new DatabaseInstance(scope, 'Database', {
    ...shared,
    engine,
    multiAz: true,
    storageEncrypted: true,
    allocatedStorage: size.storageGib,
    databaseName,
    credentials: Credentials.fromPassword('myclothes', secrets.databasePassword.secretValue),
    backupRetention: Duration.days(size.backupDays),
    removalPolicy: RemovalPolicy.SNAPSHOT,
  });
  const replicas = Array.from({ length: count }, (_, index) => {
    // Spread over the zones, so that one lost zone leaves the others' replicas.
    const availabilityZone = vpc.availabilityZones[index % vpc.availabilityZones.length]!;
    return new DatabaseInstanceReadReplica(scope, `Replica${index + 1}`, {
      ...shared,
      sourceDatabaseInstance: writer,
      availabilityZone,
      removalPolicy: RemovalPolicy.DESTROY,
      deletionProtection: false,
    });
  });
  const dimension = ({ instanceIdentifier }: { instanceIdentifier: string }) => ({
    DBInstanceIdentifier: instanceIdentifier,
  });
  return {
    writerAddress: writer.dbInstanceEndpointAddress,
    replicaAddresses: replicas.map((replica) => replica.dbInstanceEndpointAddress),
    dimensions: { writer: dimension(writer), replicas: replicas.map(dimension) },
  };
}

function databaseSettings(scope: Construct, engine: ReturnType<typeof DatabaseInstanceEngine.postgres>) {
  return new ParameterGroup(scope, 'DatabaseSettings', {
    engine,
    description: 'TLS only; a replica that is away cannot fill the disk of the primary',
    parameters: { 'rds.force_ssl': '1', max_slot_wal_keep_size: '20000' },
  });
}
