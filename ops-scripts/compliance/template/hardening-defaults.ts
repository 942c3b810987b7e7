// The properties that hardening reads from declared resources, with AWS's documented defaults.
import { isUnknownValue, unknownValue } from '../snapshot.ts';
import type { Draft } from './draft.ts';
import { booleanOf, listOf, nameOf, numberOf, type Properties, recordsOf } from './resources.ts';

/** Properties by which an instance or cluster is created from another one or from a snapshot. */
const originNames = [
  'DBSnapshotIdentifier',
  'DBClusterSnapshotIdentifier',
  'SnapshotIdentifier',
  'SourceDBClusterIdentifier',
  'SourceDbiResourceId',
  'SourceDBInstanceAutomatedBackupsArn',
  'ReplicationSourceIdentifier',
  'GlobalClusterIdentifier',
];

/** `inherited`: the properties of the instance's cluster, or of the source of a replica. */
export function hardeningOfInstance(properties: Properties, inherited: Properties | undefined): Properties {
  const from = originOf(properties);
  const isMember = properties['DBClusterIdentifier'] !== undefined;
  return {
    PubliclyAccessible: isPublic(properties, inherited),
    StorageEncrypted:
      inherited === undefined
        ? encryption(properties, from ?? properties['SourceDBInstanceIdentifier'])
        : // CloudFormation: members and replicas have the encryption of their cluster or source.
          properties['StorageEncrypted'] === undefined
          ? encryption(inherited, originOf(inherited))
          : booleanOf(properties['StorageEncrypted']),
    ...(isMember ? {} : keeping(properties, from)),
  };
}

export function hardeningOfCluster(properties: Properties): Properties {
  const from = originOf(properties);
  // RDS CreateDBCluster: the storage of Aurora Serverless v1 is always encrypted.
  const always = properties['EngineMode'] === 'serverless';
  return {
    ...(properties['PubliclyAccessible'] === undefined
      ? {}
      : { PubliclyAccessible: booleanOf(properties['PubliclyAccessible']) }),
    StorageEncrypted: always ? true : encryption(properties, from),
    ...keeping(properties, from),
  };
}

function originOf(properties: Properties): unknown {
  const name = originNames.find((each) => properties[each] !== undefined && properties[each] !== '');
  return name === undefined ? undefined : properties[name];
}

/** RDS CreateDBInstance and CreateDBCluster: not encrypted by default. A restored database keeps its encryption. */
function encryption(properties: Properties, from: unknown): unknown {
  const said = properties['StorageEncrypted'];
  if (said === undefined && from !== undefined)
    return unknownValue('it is made of another database or a snapshot, and encrypted as that is');
  return booleanOf(said);
}

function keeping(properties: Properties, from: unknown): Properties {
  const said = properties['BackupRetentionPeriod'];
  return {
    // RDS CreateDBInstance and CreateDBCluster: 1 day by default. A restored database keeps its number.
    BackupRetentionPeriod:
      said === undefined && from !== undefined
        ? unknownValue('it is made of another database or a snapshot, and keeps backups as that did')
        : numberOf(said, 1),
    // RDS CreateDBInstance and CreateDBCluster: disabled by default, and no log is exported.
    DeletionProtection: booleanOf(properties['DeletionProtection']),
    EnabledCloudwatchLogsExports: listOf(properties['EnableCloudwatchLogsExports']),
  };
}

/**
 * The default of RDS CreateDBInstance. Without a subnet group it is true, except for Aurora. With one it is false,
 * except for the group named `default`.
 */
export function isPublic(properties: Properties, inherited: Properties = {}): unknown {
  const said = properties['PubliclyAccessible'];
  if (said !== undefined) return booleanOf(said);
  const group = properties['DBSubnetGroupName'] ?? inherited['DBSubnetGroupName'];
  if (isUnknownValue(group)) return group;
  if (group !== undefined && group !== '') return group === 'default';
  const engine = properties['Engine'] ?? inherited['Engine'];
  return isUnknownValue(engine) ? engine : !/^aurora/i.test(String(engine));
}

/**
 * The defaults of ElastiCache CreateReplicationGroup: encryption at rest is on for Valkey and off for Redis OSS, in
 * transit it is off.
 */
export function hardeningOfReplicationGroup(properties: Properties): Properties {
  const { Engine: engine, AtRestEncryptionEnabled: atRest, GlobalReplicationGroupId: of } = properties;
  const chosen = isUnknownValue(engine) ? engine : /^valkey$/i.test(String(engine));
  const inherited = of === undefined ? undefined : unknownValue('it is as its global datastore is');
  return {
    AtRestEncryptionEnabled: atRest === undefined ? (inherited ?? chosen) : booleanOf(atRest),
    TransitEncryptionEnabled:
      properties['TransitEncryptionEnabled'] === undefined && inherited !== undefined
        ? inherited
        : booleanOf(properties['TransitEncryptionEnabled']),
    TransitEncryptionMode: properties['TransitEncryptionMode'],
    AuthTokenEnabled: isGiven(properties['AuthToken']),
    UserGroupIds: listOf(properties['UserGroupIds']),
  };
}

/** Whether a secret is given. A secret that CloudFormation resolves at deployment counts as given. */
function isGiven(secret: unknown): unknown {
  if (isUnknownValue(secret)) return secret.$unknown.includes('{{resolve:') ? true : secret;
  return secret !== undefined && secret !== '';
}

/** ElastiCache: a cluster outside of any replication group is never encrypted at rest and has no token. */
export function hardeningOfCacheCluster(properties: Properties): Properties {
  return {
    AtRestEncryptionEnabled: false,
    TransitEncryptionEnabled: booleanOf(properties['TransitEncryptionEnabled']),
    AuthTokenEnabled: false,
  };
}

export function answerCacheUsers(draft: Draft): void {
  draft.answer('elasticache', 'DescribeUserGroups', {
    UserGroups: draft.items('AWS::ElastiCache::UserGroup', ({ id, properties }) => ({
      UserGroupId: id,
      UserIds: listOf(properties['UserIds']).map((user) => userId(draft, user)),
    })),
  });
  draft.answer('elasticache', 'DescribeUsers', {
    Users: draft.items('AWS::ElastiCache::User', ({ id, properties }) => ({
      UserId: id,
      UserName: nameOf(properties['UserName'], id),
      AccessString: properties['AccessString'],
      Authentication: authenticationOf(properties),
    })),
  });
}

/** Users and groups are named by reference or by their declared id. */
function userId(draft: Draft, user: unknown): unknown {
  return idIn(draft, 'AWS::ElastiCache::User', 'UserId', user);
}

export function userGroupId(draft: Draft, group: unknown): unknown {
  return idIn(draft, 'AWS::ElastiCache::UserGroup', 'UserGroupId', group);
}

function idIn(draft: Draft, type: string, name: string, given: unknown): unknown {
  if (isUnknownValue(given)) return given;
  const found = draft.perhaps(type).find(({ id, properties }) => id === given || properties[name] === given);
  return found?.id ?? given;
}

function authenticationOf(properties: Properties): unknown {
  const { AuthenticationMode: mode, NoPasswordRequired: none, Passwords: passwords } = properties;
  if (mode !== undefined) {
    const type = isUnknownValue(mode) ? mode : recordsOf(mode)[0]?.['Type'];
    if (type === undefined || isUnknownValue(type)) return type;
    return { Type: String(type).toLowerCase().replace('-required', '') };
  }
  if (isUnknownValue(none)) return none;
  if (booleanOf(none) === true) return { Type: 'no-password' };
  return passwords === undefined ? undefined : { Type: 'password' };
}

/** ELB: deletion protection and access logs are off by default. */
export function attributesOf(properties: Properties): unknown {
  const said = properties['LoadBalancerAttributes'];
  if (isUnknownValue(said)) return said;
  const given = recordsOf(said).map((each) =>
    isUnknownValue(each) ? each : { Key: each['Key'], Value: textOf(each['Value']) },
  );
  const keys = new Set(given.map((each) => ('Key' in each ? each['Key'] : undefined)));
  const others = ['deletion_protection.enabled', 'access_logs.s3.enabled'].filter((key) => !keys.has(key));
  // An unknown attribute may be either of the two.
  const unsaid = given.find(isUnknownValue) ?? [...keys].find(isUnknownValue);
  return [
    ...given.filter((each) => !isUnknownValue(each)),
    ...others.map((Key) => ({ Key, Value: unsaid ?? 'false' })),
  ];
}

function textOf(value: unknown): unknown {
  return isUnknownValue(value) ? value : String(value).toLowerCase();
}

/** ELB CreateListener: the default policy of TLS listeners. */
export function securityPolicyOf({ SslPolicy: said, Protocol: protocol }: Properties): unknown {
  if (said !== undefined) return said;
  return protocol === 'HTTPS' || protocol === 'TLS' ? 'ELBSecurityPolicy-2016-08' : undefined;
}
