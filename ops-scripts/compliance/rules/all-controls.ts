// The controls of each policy: the nine of the chain in its order, and the eight of hardening.
import type { Policy } from '../findings.ts';
import { balancerLogs, clientTls, protectedBalancers } from '../hardening/balancers.ts';
import { cacheAccess, encryptedCaches } from '../hardening/caches.ts';
import {
  databaseBackups,
  databaseLogs,
  encryptedDatabases,
  leastBackupDays,
  protectedDatabases,
  publicDatabases,
} from '../hardening/databases.ts';
import { metadataService } from '../hardening/instances.ts';
import { asgMultiAz } from './asg-multi-az.ts';
import { cacheMultiAz } from './cache-multi-az.ts';
import { chainConnects } from './chain-connects.ts';
import { type Control, defineHardening } from './control.ts';
import { databaseMultiAz } from './database-multi-az.ts';
import { elbMultiAz, elbOpenToWeb } from './elb-controls.ts';
import { asgOnlyFromElb, cacheOnlyFromAsg, databaseOnlyFromAsg } from './only-from-controls.ts';

const chainControls: readonly Control[] = [
  elbMultiAz,
  asgMultiAz,
  cacheMultiAz,
  databaseMultiAz,
  elbOpenToWeb,
  asgOnlyFromElb,
  cacheOnlyFromAsg,
  databaseOnlyFromAsg,
  chainConnects,
];

/** A control that applies to several kinds of part is in this list once for each kind. */
const hardeningControls: readonly Control[] = [
  defineHardening(
    'database-not-public',
    {
      title: 'The database has no public address',
      why: 'A public address leaves one mistake in a security group between the internet and every order.',
      how: 'PubliclyAccessible is false for the instance, or each member of the cluster, and each read replica. Where it is not set in a template, the default of the RDS API holds: true without a subnet group, except for Aurora.',
      blind: 'Proxies and peered networks. Whether a route to the internet exists.',
      remedy:
        'aws rds modify-db-instance --db-instance-identifier ID --no-publicly-accessible --apply-immediately',
      references: [
        'https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html',
        'AWS FSBP RDS.2',
        'CIS AWS Foundations Benchmark v3.0.0, 2.3.3',
      ],
    },
    { database: publicDatabases },
  ),
  defineHardening(
    'encrypted-at-rest',
    {
      title: 'Database and cache encrypt what they store',
      why: 'Disks, backups and snapshots can be read by whoever gets hold of them.',
      how: 'StorageEncrypted of the database and its read replicas, and AtRestEncryptionEnabled of the cache. A serverless cache always encrypts. Encryption with a key that AWS owns passes with a note.',
      blind: 'Who may use the key. Volumes of the instances, which keep nothing that matters.',
      remedy: 'Restore from an encrypted copy of a snapshot: storage that is not encrypted stays so.',
      references: [
        'https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.html',
        'https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/at-rest-encryption.html',
        'AWS FSBP RDS.3, RDS.27 and ElastiCache.4',
        'CIS AWS Foundations Benchmark v3.0.0, 2.3.1',
      ],
    },
    { database: encryptedDatabases, cache: encryptedCaches },
  ),
  defineHardening(
    'tls-for-clients',
    {
      title: 'Clients of the load balancer get TLS 1.2 or newer, and nothing without it',
      why: 'What a shopper types, cookies and addresses can be read and changed on the way otherwise.',
      how: 'Each HTTPS or TLS listener has a security policy that takes TLS 1.2 and newer only. A listener for HTTP only redirects to HTTPS, or answers by itself, in its rules too. At least one listener takes TLS. What a listener for TCP passes on is unknown. ELBSecurityPolicy-2016-08, which CloudFormation takes where no policy is named, takes TLS 1.0.',
      blind: 'Certificates and their names, HSTS, and the way from the load balancer to the instances.',
      remedy: 'aws elbv2 modify-listener --listener-arn ARN --ssl-policy ELBSecurityPolicy-TLS13-1-2-2021-06',
      references: [
        'https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html',
        'AWS FSBP ELB.1 and ELB.17',
      ],
    },
    { 'load-balancer': clientTls },
  ),
  defineHardening(
    'cache-tls-and-auth',
    {
      title: 'The cache takes TLS only, and only clients that authenticate',
      why: 'Whoever reaches the port of a cache without a token may read and change every cart and session.',
      how: 'TransitEncryptionEnabled in mode required, and a token or user groups in which every user has a password, uses IAM, or is off. A serverless cache always takes TLS.',
      blind: 'How strong a token is, and what a user may do.',
      remedy:
        'aws elasticache modify-replication-group --replication-group-id ID --transit-encryption-enabled --transit-encryption-mode required --apply-immediately',
      references: [
        'https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/in-transit-encryption.html',
        'AWS FSBP ElastiCache.5 and ElastiCache.6',
      ],
    },
    { cache: cacheAccess },
  ),
  defineHardening(
    'backups-kept',
    {
      title: `Backups of the database are kept for at least ${leastBackupDays} days`,
      why: 'A mistake that is noticed after a weekend can be taken back only from a backup older than it.',
      how: `BackupRetentionPeriod of the instance or cluster is ${leastBackupDays} or more. Not set, it is 1 in CloudFormation and 0 in Terraform. A replica whose source is not seen is unknown.`,
      blind: 'Whether a backup can be restored, AWS Backup, and copies elsewhere.',
      remedy:
        'aws rds modify-db-instance --db-instance-identifier ID --backup-retention-period 7 --apply-immediately',
      references: [
        'https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.BackupRetention.html',
        'AWS FSBP RDS.11',
      ],
    },
    { database: databaseBackups },
  ),
  defineHardening(
    'deletion-protected',
    {
      title: 'Database and load balancer cannot be deleted by one call',
      why: 'One wrong line in a script, or in a template, would take the shop down or its data away.',
      how: 'DeletionProtection of the database, and deletion_protection.enabled of the load balancer. Both are off where nothing is said.',
      blind: 'Who may turn the protection off, and what else can be deleted.',
      remedy:
        'aws rds modify-db-instance --db-instance-identifier ID --deletion-protection --apply-immediately',
      references: [
        'https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DeleteInstance.html',
        'AWS FSBP RDS.7, RDS.8 and ELB.6',
      ],
    },
    { database: protectedDatabases, 'load-balancer': protectedBalancers },
  ),
  defineHardening(
    'imdsv2-only',
    {
      title: 'Instances give their metadata to holders of a session token only (IMDSv2)',
      why: 'Without a token, any request that an instance can be led into making fetches the credentials of its role.',
      how: 'HttpTokens is required, or the endpoint is disabled, in each launch template or configuration of the group, and no instance that runs is otherwise. Where it is not set, the image decides, which is unknown.',
      blind: 'What the role may do, and the hop limit.',
      remedy:
        'aws ec2 modify-instance-metadata-options --instance-id ID --http-tokens required, and the same in the launch template',
      references: [
        'https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html',
        'AWS FSBP EC2.8, EC2.170 and AutoScaling.3',
        'CIS AWS Foundations Benchmark v3.0.0, 5.6',
      ],
    },
    { 'auto-scaling-group': metadataService },
  ),
  defineHardening(
    'logs-kept',
    {
      title: 'Requests to the load balancer and errors of the database are logged',
      why: 'Without logs nobody can say afterwards what happened, to whom, and since when.',
      how: "access_logs.s3.enabled of the load balancer, and the database's log of errors (postgresql, error, alert or diag.log by its engine) exported to CloudWatch Logs. Both are off where nothing is said.",
      blind: 'How long logs are kept, and who reads them. Flow logs and CloudTrail.',
      remedy:
        'aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN --attributes Key=access_logs.s3.enabled,Value=true Key=access_logs.s3.bucket,Value=BUCKET',
      references: [
        'https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html',
        'AWS FSBP ELB.5, RDS.9 and RDS.34',
      ],
    },
    { 'load-balancer': balancerLogs, database: databaseLogs },
  ),
].flat();

export const allControls: readonly Control[] = [...chainControls, ...hardeningControls];

export function controlsOf(policy: Policy): readonly Control[] {
  return { chain: chainControls, hardening: hardeningControls, all: allControls }[policy];
}
