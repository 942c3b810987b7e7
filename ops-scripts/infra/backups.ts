// Copies of the database's backups in a second region and in a second account, where vaults for them are named.
import { Aws, type CfnCondition, type CfnResource, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { CfnBackupPlan, CfnBackupSelection, CfnBackupVault } from 'aws-cdk-lib/aws-backup';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { Parameters } from './parameters.ts';

/** The database's own backups reach back minutes; these are a day old at most, and lie out of reach of its loss. */
const keptDays = 35;

/** All of it stands only where a parameter names a vault, so that a shop without copies pays for none. */
export function addBackupCopies(scope: Construct, { backups }: Parameters, databaseArn: string): void {
  const { partition } = Stack.of(scope);
  const when = <T extends CfnResource>(resource: T): T => {
    resource.cfnOptions.condition = backups.hasAny;
    return resource;
  };
  const vault = when(
    new CfnBackupVault(scope, 'BackupVault', { backupVaultName: Fn.join('-', [Aws.STACK_NAME, 'daily']) }),
  );
  vault.applyRemovalPolicy(RemovalPolicy.RETAIN);
  const role = new Role(scope, 'BackupRole', {
    assumedBy: new ServicePrincipal('backup.amazonaws.com'),
    managedPolicies: [
      ManagedPolicy.fromManagedPolicyArn(
        scope,
        'BackupPolicy',
        `arn:${partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup`,
      ),
    ],
  });
  when(role.node.defaultChild as CfnResource);
  const copyTo = (has: CfnCondition, arn: string) =>
    Fn.conditionIf(
      has.logicalId,
      { DestinationBackupVaultArn: arn, Lifecycle: { DeleteAfterDays: keptDays } },
      Aws.NO_VALUE,
    );
  const plan = when(
    new CfnBackupPlan(scope, 'BackupPlan', {
      backupPlan: {
        backupPlanName: Fn.join('-', [Aws.STACK_NAME, 'copies']),
        backupPlanRule: [
          {
            ruleName: 'daily',
            targetBackupVault: vault.ref,
            scheduleExpression: 'cron(30 2 * * ? *)',
            lifecycle: { deleteAfterDays: keptDays },
          },
        ],
      },
    }),
  );
  // Written by hand: each copy has a condition of its own, which its type does not know.
  plan.addPropertyOverride('BackupPlan.BackupPlanRule.0.CopyActions', [
    copyTo(backups.hasRegion, backups.regionVaultArn),
    copyTo(backups.hasAccount, backups.accountVaultArn),
  ]);
  when(
    new CfnBackupSelection(scope, 'BackedUp', {
      backupPlanId: plan.ref,
      backupSelection: { iamRoleArn: role.roleArn, selectionName: 'database', resources: [databaseArn] },
    }),
  );
}
