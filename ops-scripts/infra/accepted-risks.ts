// Rules of cdk-nag's AwsSolutions pack that this stack breaks on purpose: where and why.
import { type Stack, Validations } from 'aws-cdk-lib';

interface AcceptedRisk {
  rule: string;
  /** Of the construct's path within the stack. */
  at: RegExp;
  reason: string;
}

const accepted: AcceptedRisk[] = [
  {
    rule: 'EC23',
    at: /^BalancerGroup$/,
    reason: 'Shoppers come in here: 80 and 443 are open to the web, and `elb-open-to-web` demands it',
  },
  {
    rule: 'SMG4',
    at: /^(DatabasePassword|CacheToken|CookieKeys|OperatorPassword|DeliveryPass|ExtraSettings)$/,
    reason: 'Machines read secrets when they start: a secret is changed together with an instance refresh',
  },
  { rule: 'S1', at: /^AccessLogs$/, reason: 'The bucket holds nothing but access logs' },
  {
    rule: 'RDS11',
    at: /^(Database|Replica\d+)$/,
    reason: 'Another port hides nothing from a scanner; the security group lets in the machines only',
  },
  {
    rule: 'AEC5',
    at: /^Cache$/,
    reason: 'Another port hides nothing; the security group lets in the machines only',
  },
  { rule: 'RDS2', at: /^Replica\d+$/, reason: 'A replica is encrypted as its primary is' },
  { rule: 'RDS3', at: /^Replica\d+$/, reason: 'The primary has the standby; a lost replica is made anew' },
  { rule: 'RDS10', at: /^Replica\d+$/, reason: 'A replica holds nothing that the primary has not' },
  {
    rule: 'RDS6',
    at: /^Database$/,
    reason: 'Connections are pooled for hours; tokens of 15 minutes would have to be made for each reconnect',
  },
  {
    rule: 'IAM5[Resource::arn:<AWS::Partition>:s3:::<ReleaseBucket>/releases/*]',
    at: /^(Origins|Workers)Role$/,
    reason: 'Any release may be rolled out, and any earlier one rolled back to',
  },
  {
    rule: 'IAM5[Resource::arn:<AWS::Partition>:autoscaling:<AWS::Region>:<AWS::AccountId>:autoScalingGroup:*]',
    at: /^(Origins|Workers)Role$/,
    reason: "The group's ARN holds an id that is made later; the tag Stack narrows it to our groups",
  },
  {
    rule: 'IAM5[Resource::*]',
    at: /^(Origins|Workers)Role$/,
    reason: 'DescribeManagedPrefixLists knows no resources',
  },
  {
    rule: 'IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:aws:prefix-list/*]',
    at: /^(Origins|Workers)Role$/,
    reason: "AWS's own lists only: CloudFront's has another id in each region",
  },
  {
    rule: 'EC26',
    at: /^(Origins|Workers)$/,
    reason: 'The rule cannot read a launch template with several instance types; its volume is encrypted',
  },
  { rule: 'CFR1', at: /^Delivery$/, reason: 'The shop may be read from everywhere' },
];

export function acceptRisks(stack: Stack): void {
  for (const child of stack.node.children) {
    for (const { rule, at, reason } of accepted) {
      if (at.test(child.node.id)) {
        Validations.of(child).acknowledge({ id: `AwsSolutions::AwsSolutions-${rule}`, reason });
      }
    }
  }
}
