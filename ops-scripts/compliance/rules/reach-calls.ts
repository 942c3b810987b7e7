// The calls that "who can reach this port" rests on, whatever the part.

export const reachNeeds = ['ec2.DescribeSecurityGroups', 'ec2.DescribeNetworkInterfaces'];

export const reachCalls = [
  'ec2.DescribeSecurityGroupRules',
  'ec2.DescribeInstances',
  'ec2.DescribeManagedPrefixLists',
  'ec2.DescribeNetworkAcls',
  'ec2.DescribeVpcs',
  'rds.DescribeDBProxies',
];
