// Aurora instead of an RDS instance: a writer and at least one reader in another zone, which can take over.
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { InstanceType, SubnetType, type Vpc } from 'aws-cdk-lib/aws-ec2';
import {
  AuroraPostgresEngineVersion,
  CaCertificate,
  ClusterInstance,
  Credentials,
  DatabaseCluster,
  DatabaseClusterEngine,
} from 'aws-cdk-lib/aws-rds';
import type { Construct } from 'constructs';
import { type Database, databaseName } from './database.ts';
import type { Secrets } from './secrets.ts';
import type { SecurityGroups } from './security-groups.ts';
import { ports, type StackOptions } from './stack-options.ts';

/** Readers are `replicas`, and one at least: without a reader there is nobody to take over in another zone. */
export function addAurora(
  scope: Construct,
  { size: { database: size }, replicas }: StackOptions,
  vpc: Vpc,
  groups: SecurityGroups,
  secrets: Secrets,
): Database {
  const instanceType = new InstanceType(size.auroraClass.replace('db.', ''));
  const member = (id: string, index: number) =>
    ClusterInstance.provisioned(id, {
      instanceType,
      availabilityZone: vpc.availabilityZones[index % vpc.availabilityZones.length]!,
      promotionTier: Math.min(index, 15),
      enablePerformanceInsights: true,
      caCertificate: CaCertificate.RDS_CA_RSA2048_G1,
      autoMinorVersionUpgrade: true,
      publiclyAccessible: false,
    });
  const cluster = new DatabaseCluster(scope, 'Database', {
    engine: DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_17_7 }),
    vpc,
    vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
    securityGroups: [groups.database],
    writer: member('Writer', 0),
    readers: Array.from({ length: Math.max(1, replicas) }, (_, index) =>
      member(`Reader${index + 1}`, index + 1),
    ),
    port: ports.database,
    defaultDatabaseName: databaseName,
    credentials: Credentials.fromPassword('myclothes', secrets.databasePassword.secretValue),
    parameters: { 'rds.force_ssl': '1' },
    storageEncrypted: true,
    backup: { retention: Duration.days(size.backupDays) },
    cloudwatchLogsExports: ['postgresql'],
    deletionProtection: true,
    copyTagsToSnapshot: true,
    removalPolicy: RemovalPolicy.SNAPSHOT,
  });
  return {
    writerAddress: cluster.clusterEndpoint.hostname,
    // Aurora's readers share the writer's storage and do not replay a log that could be waited for: the shop reads
    // from the writer.
    replicaAddresses: [],
    dimensions: { writer: { DBClusterIdentifier: cluster.clusterIdentifier }, replicas: [] },
  };
}
