// The defaults of the AWS provider, and the CloudFormation resources that its resources correspond to.
import { describe, expect, it } from 'vitest';
import { describeStack, type Json, judgedPlan, worst } from '../support/judged-plan.ts';
import { planOf, ref } from '../support/plan-file.ts';
import type { PlanStack } from '../support/plan-stack.ts';

describe('what the provider of AWS means', () => {
  it.each<[string, string, string, (resources: PlanStack['resources']) => void]>([
    [
      'a group without egress lets nothing out',
      'chain-connects',
      'fail',
      (resources) => {
        resources['aws_security_group.app']!['egress'] = [];
      },
    ],
    [
      'a schedule without a size sets it to 0',
      'asg-multi-az',
      'fail',
      (resources) => {
        resources['aws_autoscaling_schedule.night'] = {
          scheduled_action_name: 'night',
          autoscaling_group_name: ref('aws_autoscaling_group.shop.name'),
        };
      },
    ],
    [
      'a schedule of -1 leaves the size as it is',
      'asg-multi-az',
      'pass',
      (resources) => {
        resources['aws_autoscaling_schedule.night'] = {
          min_size: -1,
          autoscaling_group_name: ref('aws_autoscaling_group.shop.name'),
        };
      },
    ],
    [
      'an attachment feeds the group as the group itself does',
      'chain-connects',
      'pass',
      (resources) => {
        delete resources['aws_autoscaling_group.shop']!['target_group_arns'];
        resources['aws_autoscaling_attachment.shop'] = {
          autoscaling_group_name: ref('aws_autoscaling_group.shop.id'),
          lb_target_group_arn: ref('aws_lb_target_group.shop.arn'),
        };
      },
    ],
    [
      'a database without backups set has none',
      'backups-kept',
      'fail',
      (resources) => {
        delete resources['aws_db_instance.shop']!['backup_retention_period'];
      },
    ],
    [
      'a database is not public where nothing is said',
      'database-not-public',
      'pass',
      (resources) => {
        delete resources['aws_db_instance.shop']!['publicly_accessible'];
      },
    ],
    [
      'a restored database is encrypted as its snapshot was',
      'encrypted-at-rest',
      'unknown',
      (resources) => {
        delete resources['aws_db_instance.shop']!['storage_encrypted'];
        resources['aws_db_instance.shop']!['snapshot_identifier'] = 'snapshot';
      },
    ],
    [
      'the image decides where tokens are not said',
      'imdsv2-only',
      'unknown',
      (resources) => {
        delete resources['aws_launch_template.shop']!['metadata_options'];
      },
    ],
    [
      'a listener has an old policy where none is said',
      'tls-for-clients',
      'fail',
      (resources) => {
        delete resources['aws_lb_listener.p443']!['ssl_policy'];
      },
    ],
    [
      'a redirect keeps the protocol where none is said',
      'tls-for-clients',
      'fail',
      (resources) => {
        resources['aws_lb_listener.p80']!['default_action'] = [
          { type: 'redirect', redirect: [{ port: '443', status_code: 'HTTP_301' }] },
        ];
      },
    ],
    [
      'a rule of a listener serves what its default redirects',
      'tls-for-clients',
      'fail',
      (resources) => {
        resources['aws_lb_listener_rule.plain'] = {
          listener_arn: ref('aws_lb_listener.p80.arn'),
          action: [{ type: 'forward', target_group_arn: ref('aws_lb_target_group.shop.arn') }],
        };
      },
    ],
    [
      'a token that another resource makes is a token',
      'cache-tls-and-auth',
      'pass',
      (resources) => {
        resources['random_password.token'] = { length: 32 };
        resources['aws_elasticache_replication_group.shop']!['auth_token'] = ref(
          'random_password.token.result',
        );
      },
    ],
    [
      'a user without a password lets everybody in',
      'cache-tls-and-auth',
      'fail',
      (resources) => {
        const cache = resources['aws_elasticache_replication_group.shop']!;
        delete cache['auth_token'];
        cache['user_group_ids'] = [ref('aws_elasticache_user_group.shop.user_group_id')];
        resources['aws_elasticache_user_group.shop'] = {
          user_group_id: 'shop',
          user_ids: [ref('aws_elasticache_user.all.user_id')],
        };
        resources['aws_elasticache_user.all'] = { user_id: 'all', no_password_required: true };
      },
    ],
    [
      'a network ACL without entries stops everything',
      'chain-connects',
      'fail',
      (resources) => {
        resources['aws_network_acl.none'] = {
          vpc_id: ref('aws_vpc.main.id'),
          subnet_ids: [ref('aws_subnet.a.id'), ref('aws_subnet.b.id')],
          ingress: [],
          egress: [],
        };
      },
    ],
    [
      'a rule of all protocols is more than a port',
      'cache-only-from-asg',
      'fail',
      (resources) => {
        resources['aws_vpc_security_group_ingress_rule.all'] = {
          security_group_id: ref('aws_security_group.store.id'),
          ip_protocol: '-1',
          referenced_security_group_id: ref('aws_security_group.app.id'),
        };
      },
    ],
    [
      'a rule may name its own group by self',
      'cache-only-from-asg',
      'fail',
      (resources) => {
        (resources['aws_security_group.store']!['ingress'] as Json[]).push({
          from_port: 6379,
          to_port: 6379,
          protocol: 'tcp',
          self: true,
        });
      },
    ],
    [
      'a rule may be one of two kinds, of which one opens nothing',
      'database-only-from-asg',
      'unknown',
      (resources) => {
        resources['aws_security_group_rule.either'] = {
          type: ref('local.kind'),
          protocol: 'tcp',
          from_port: 5432,
          to_port: 5432,
          security_group_id: ref('aws_security_group.data.id'),
          cidr_blocks: ['0.0.0.0/0'],
        };
      },
    ],
    [
      'a list of the only rules takes away those that it does not name',
      'chain-connects',
      'unknown',
      (resources) => {
        resources['aws_vpc_security_group_rules_exclusive.none'] = {
          security_group_id: ref('aws_security_group.store.id'),
          ingress_rule_ids: [],
          egress_rule_ids: [],
        };
      },
    ],
    [
      'a list of the only rules leaves those that it names',
      'asg-only-from-elb',
      'pass',
      (resources) => {
        resources['aws_vpc_security_group_rules_exclusive.all'] = {
          security_group_id: ref('aws_security_group.app.id'),
          ingress_rule_ids: [ref('aws_vpc_security_group_ingress_rule.r2.id')],
        };
      },
    ],
    [
      'a node that may be of the cache leaves who reaches it as it is',
      'cache-only-from-asg',
      'pass',
      (resources) => {
        resources['aws_elasticache_cluster.other'] = { replication_group_id: ref('local.cache') };
      },
    ],
    [
      'a node that joins the cache elsewhere counts',
      'cache-multi-az',
      'pass',
      (resources) => {
        const cache = resources['aws_elasticache_replication_group.shop']!;
        Object.assign(cache, { num_cache_clusters: 1, preferred_cache_cluster_azs: ['eu-west-1a'] });
        resources['aws_elasticache_cluster.second'] = {
          replication_group_id: ref('aws_elasticache_replication_group.shop.id'),
          availability_zone: 'eu-west-1b',
        };
      },
    ],
    [
      'Aurora in two zones is one database',
      'database-multi-az',
      'pass',
      (resources) => {
        const { multi_az: _, ...shared } = resources['aws_db_instance.shop']!;
        delete resources['aws_db_instance.shop'];
        resources['aws_rds_cluster.shop'] = {
          ...shared,
          engine: 'aurora-postgresql',
          cluster_identifier: 'shop',
        };
        for (const zone of ['a', 'b'])
          resources[`aws_rds_cluster_instance.${zone}`] = {
            cluster_identifier: ref('aws_rds_cluster.shop.id'),
            engine: 'aurora-postgresql',
            availability_zone: `eu-west-1${zone}`,
          };
      },
    ],
  ])('%s', (_what, control, expected, change) => {
    const findings = judgedPlan(planOf(describeStack(change)));
    const reasons = findings.filter((finding) => finding.control === control).map(({ reason }) => reason);
    expect(worst(findings, control), reasons.join('; ')).toBe(expected);
  });

  it('says in the words of Terraform what to change', () => {
    const findings = judgedPlan(
      planOf(describeStack((_resources, stack) => stack.database({ multiAz: false }))),
    );
    const { fix } = findings.find(({ control }) => control === 'database-multi-az')!;
    expect(fix).toBe('In the Terraform configuration: set multi_az of aws_db_instance.shop to true');
  });
});
