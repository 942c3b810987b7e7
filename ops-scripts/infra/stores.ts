// The stores on AWS: RDS with standby and read replicas, or Aurora; ElastiCache with replicas in other zones.
import { Aws, Duration, Fn, RemovalPolicy } from 'aws-cdk-lib';
import { InstanceType, SubnetType, type Vpc } from 'aws-cdk-lib/aws-ec2';
import { CfnParameterGroup, CfnReplicationGroup, CfnSubnetGroup } from 'aws-cdk-lib/aws-elasticache';
import {
  AuroraPostgresEngineVersion,
  CaCertificate,
  type CfnDBCluster,
  type CfnDBInstance,
  ClusterInstance,
  Credentials,
  DatabaseCluster,
  DatabaseClusterEngine,
  DatabaseInstance,
  DatabaseInstanceEngine,
  DatabaseInstanceReadReplica,
  ParameterGroup,
  PostgresEngineVersion,
  StorageType,
} from 'aws-cdk-lib/aws-rds';
import type { Construct } from 'constructs';
import type { StackSecurityGroups } from './network.ts';
import type { Parameters, Secrets } from './parameters.ts';
import { ports, type Size, type StackOptions } from './stack-options.ts';

export const databaseName = 'myclothes';

export interface StackDatabase {
  /** Leads to the writer, also after a failover. */
  writerAddress: string;
  /** One name a replica, never one that mixes them: a reader asks how far that one is. */
  replicaAddresses: string[];
  /** What CloudWatch calls the writer and its replicas. */
  dimensions: { writer: Record<string, string>; replicas: Record<string, string>[] };
  arn: string;
}

interface DatabaseNeeds {
  vpc: Vpc;
  groups: StackSecurityGroups;
  secrets: Secrets;
  parameters: Parameters;
}

export function addDatabase(
  scope: Construct,
  { size: { database: size, detailedMonitoring }, replicas: count }: StackOptions,
  { vpc, groups, secrets, parameters }: DatabaseNeeds,
): StackDatabase {
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
    // The smallest machines know no Performance Insights.
    enablePerformanceInsights: detailedMonitoring,
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
  encryptBy(writer.node.defaultChild as CfnDBInstance, parameters);
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
    arn: writer.instanceArn,
  };
}

function encryptBy(database: CfnDBInstance | CfnDBCluster, { backups }: Parameters): void {
  const { hasDatabaseKey, databaseKeyArn } = backups;
  database.kmsKeyId = Fn.conditionIf(hasDatabaseKey.logicalId, databaseKeyArn, Aws.NO_VALUE).toString();
}

function databaseSettings(scope: Construct, engine: ReturnType<typeof DatabaseInstanceEngine.postgres>) {
  return new ParameterGroup(scope, 'DatabaseSettings', {
    engine,
    description: 'TLS only; a replica that is away cannot fill the disk of the primary',
    parameters: { 'rds.force_ssl': '1', max_slot_wal_keep_size: '20000' },
  });
}

/**
 * Aurora instead of an RDS instance: a writer and at least one reader in another zone, which can take over.
 * Readers are `replicas`, and one at least: without a reader there is nobody to take over in another zone.
 */
export function addAurora(
  scope: Construct,
  { size: { database: size }, replicas }: StackOptions,
  { vpc, groups, secrets, parameters }: DatabaseNeeds,
): StackDatabase {
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
  encryptBy(cluster.node.defaultChild as CfnDBCluster, parameters);
  return {
    writerAddress: cluster.clusterEndpoint.hostname,
    // Aurora's readers share the writer's storage and do not replay a log that could be waited for: the shop reads
    // from the writer.
    replicaAddresses: [],
    dimensions: { writer: { DBClusterIdentifier: cluster.clusterIdentifier }, replicas: [] },
    arn: cluster.clusterArn,
  };
}

/** ElastiCache: a primary with replicas in other zones, and a token. It never evicts, as queues live in it. */
export interface Cache {
  group: CfnReplicationGroup;
  /** Leads to the primary, also after a failover. */
  primaryAddress: string;
  nodes: number;
}

export function addCache(
  scope: Construct,
  { nodeType, nodes }: Size['cache'],
  { vpc, groups, secrets }: { vpc: Vpc; groups: StackSecurityGroups; secrets: Secrets },
): Cache {
  const subnets = new CfnSubnetGroup(scope, 'CacheSubnets', {
    description: 'Isolated subnets of all zones',
    subnetIds: vpc.selectSubnets({ subnetType: SubnetType.PRIVATE_ISOLATED }).subnetIds,
  });
  const settings = new CfnParameterGroup(scope, 'CacheSettings', {
    cacheParameterGroupFamily: 'valkey8',
    description: 'A queue must not be evicted',
    properties: { 'maxmemory-policy': 'noeviction' },
  });
  const group = new CfnReplicationGroup(scope, 'Cache', {
    replicationGroupDescription: 'Cache, queue and journal of the shop',
    engine: 'valkey',
    engineVersion: '8.1',
    cacheNodeType: nodeType,
    numCacheClusters: nodes,
    // Said, not left to AWS: only then can the template itself prove two zones.
    preferredCacheClusterAZs: vpc.availabilityZones.slice(0, nodes),
    multiAzEnabled: true,
    automaticFailoverEnabled: true,
    cacheSubnetGroupName: subnets.ref,
    cacheParameterGroupName: settings.ref,
    securityGroupIds: [groups.cache.securityGroupId],
    port: ports.cache,
    transitEncryptionEnabled: true,
    atRestEncryptionEnabled: true,
    authToken: secrets.cacheToken.secretValue.unsafeUnwrap(),
    snapshotRetentionLimit: 1,
  });
  return { group, primaryAddress: Fn.getAtt(group.logicalId, 'PrimaryEndPoint.Address').toString(), nodes };
}
