// database-only-from-asg: only the instances of the Auto Scaling group reach the database, on its port alone.
import { everyPort } from '../network/traffic.ts';
import { databasePorts } from '../parts/database.ts';
import { judgeOnlyFrom } from '../reach/only-from.ts';
import { defineControl } from './control.ts';
import { reachCalls, reachNeeds } from './reach-calls.ts';

export const databaseOnlyFromAsg = defineControl({
  id: 'database-only-from-asg',
  kind: 'database',
  title: 'The database takes traffic from the Auto Scaling group only',
  why: 'Whoever reaches the database needs one password more to have every order and address.',
  how: 'Takes the union of every security group that the database declares or that is attached to any of its interfaces. Each source must be the selected Auto Scaling group alone, on the port of the database alone, a source group resolved to whatever it is attached to. A database proxy that serves the database is a hop: who reaches any of its endpoints is judged in the same way, on the usual port of its engine family, on which a proxy listens whatever port the database has.',
  blind:
    "Data that an instance in the group hands on, snapshots that are shared, the Data API, and other accounts' or peered groups (unknown).",
  remedy: 'aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids RULE',
  references: ['https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.RDSSecurityGroups.html'],
  needs: [...reachNeeds, 'autoscaling.DescribeAutoScalingGroups', 'rds.DescribeDBInstances'],
  consults: [
    ...reachCalls,
    'autoscaling.DescribeLaunchConfigurations',
    'rds.DescribeDBClusters',
    'rds.DescribeDBSubnetGroups',
    'rds.DescribeDBProxyTargets',
    'rds.DescribeDBProxyEndpoints',
  ],
  judge(context, part, verdict) {
    const instances = part.flavor === 'cluster' ? part.members : [part.raw];
    for (const each of [...instances, ...part.replicas]) {
      if (each.PubliclyAccessible === true)
        verdict.warn(`${each.DBInstanceIdentifier} is publicly accessible`);
    }
    let ports = new Set<number>();
    verdict.attempt(() => {
      ports = new Set(databasePorts(part));
    });
    // Which port is right cannot be said, but who may come in can.
    if (ports.size === 0) ports = everyPort();
    const { parts, unknownReasons } = context.selection['auto-scaling-group'];
    const allowed = { parts, name: 'the Auto Scaling group', protocols: new Set(['tcp']), ports };
    judgeOnlyFrom(context.inventory, part, allowed, verdict);
    unknownReasons.forEach(verdict.unknown);
  },
});
