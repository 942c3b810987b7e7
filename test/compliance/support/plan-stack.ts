// The sound stack as a Terraform plan, as a person would write it.
import { type Arguments, type ModuleDescription, planOf, type Reference, ref } from './plan-file.ts';
import type { GroupName, Hardening, Opening, PartName, Stack, Zone } from './stack.ts';

const zones: Zone[] = ['a', 'b', 'c'];
const groupId = (name: GroupName | 'sg-elsewhere') =>
  name === 'sg-elsewhere' ? name : ref(`aws_security_group.${name}.id`);
const forward = { type: 'forward', target_group_arn: ref('aws_lb_target_group.shop.arn') };
const zoneName = (zone: Zone) => `eu-west-1${zone}`;

export class PlanStack implements Stack {
  readonly resources: Record<string, Arguments> = {};
  #rules = 0;

  constructor() {
    const add = (name: string, given: Arguments) => {
      this.resources[name] = given;
    };
    const vpc_id = ref('aws_vpc.main.id');
    add('aws_vpc.main', { cidr_block: '10.0.0.0/16' });
    for (const [index, zone] of zones.entries())
      add(`aws_subnet.${zone}`, {
        vpc_id,
        cidr_block: `10.0.${index}.0/24`,
        availability_zone: zoneName(zone),
      });
    for (const name of ['web', 'app', 'store', 'data', 'other'])
      add(`aws_security_group.${name}`, {
        name,
        vpc_id,
        ingress: [],
        egress: [{ from_port: 0, to_port: 0, protocol: '-1', cidr_blocks: ['0.0.0.0/0'] }],
      });
    add('aws_lb.shop', {
      name: 'shop',
      internal: false,
      load_balancer_type: 'application',
      enable_deletion_protection: true,
      access_logs: [{ bucket: 'logs', enabled: true }],
    });
    add('aws_lb_target_group.shop', { name: 'shop', port: 3000, protocol: 'HTTP', vpc_id });
    add('aws_launch_template.shop', {
      name_prefix: 'shop',
      metadata_options: [{ http_tokens: 'required', http_endpoint: 'enabled' }],
    });
    add('aws_autoscaling_group.shop', {
      name: 'shop',
      min_size: 2,
      max_size: 6,
      target_group_arns: [ref('aws_lb_target_group.shop.arn')],
      launch_template: [
        {
          id: ref('aws_launch_template.shop.id'),
          version: ref('aws_launch_template.shop.latest_version'),
        },
      ],
    });
    add('aws_elasticache_subnet_group.shop', { name: 'shop' });
    add('aws_elasticache_replication_group.shop', {
      replication_group_id: 'shop',
      engine: 'valkey',
      subnet_group_name: ref('aws_elasticache_subnet_group.shop.name'),
      at_rest_encryption_enabled: true,
      transit_encryption_enabled: true,
      auth_token: 'a-secret-of-the-test',
    });
    add('aws_db_subnet_group.shop', { name: 'shop' });
    add('aws_db_instance.shop', {
      identifier: 'shop',
      engine: 'postgres',
      db_subnet_group_name: 'shop',
      storage_encrypted: true,
      backup_retention_period: 14,
      deletion_protection: true,
      enabled_cloudwatch_logs_exports: ['postgresql'],
    });
    this.#makeSound();
  }

  #makeSound() {
    for (const part of ['balancer', 'group', 'cache', 'database'] as const) this.place(part, ['a', 'b']);
    this.attach('balancer', ['web']);
    this.attach('group', ['app']);
    this.attach('cache', ['store']);
    this.attach('database', ['data']);
    this.listen([80, 443]);
    this.cache({ multiAz: true, failover: true, zones: ['a', 'b'], port: 6379 });
    this.database({ multiAz: true, port: 5432 });
    this.allow('web', { from: 80, cidr: '0.0.0.0/0' });
    this.allow('web', { from: 443, cidr: '0.0.0.0/0' });
    this.allow('app', { from: 3000, group: 'web' });
    this.allow('store', { from: 6379, group: 'app' });
    this.allow('data', { from: 5432, group: 'app' });
  }

  /** Alternates between a rule inside the group, an old rule resource and a new one. */
  allow(group: GroupName, opening: Opening) {
    const number = this.#rules++;
    if (opening.prefixList !== undefined)
      this.resources['aws_ec2_managed_prefix_list.list'] = {
        name: 'list',
        entry: opening.prefixList.map((cidr) => ({ cidr })),
      };
    const security_group_id = groupId(group);
    if (number % 3 === 0) this.#ingressOf(group).push(toBlock(opening, 'security_groups'));
    else if (number % 3 === 1)
      this.resources[`aws_security_group_rule.r${number}`] = {
        type: 'ingress',
        security_group_id,
        ...toBlock(opening, 'source_security_group_id'),
      };
    else
      this.resources[`aws_vpc_security_group_ingress_rule.r${number}`] = {
        security_group_id,
        ...toRule(opening),
      };
  }
  close(group: GroupName, port: number) {
    const owner = this.resources[`aws_security_group.${group}`]!;
    owner['ingress'] = this.#ingressOf(group).filter((rule) => rule['from_port'] !== port);
    for (const [name, given] of Object.entries(this.resources)) {
      const of = given['security_group_id'] as Reference | undefined;
      if (of?.names[0] === `aws_security_group.${group}.id` && given['from_port'] === port)
        delete this.resources[name];
    }
  }
  #ingressOf(group: GroupName): Arguments[] {
    return this.resources[`aws_security_group.${group}`]!['ingress'] as Arguments[];
  }
  addMachine(groups: GroupName[]) {
    this.resources[`aws_instance.m${Object.keys(this.resources).length}`] = {
      subnet_id: ref('aws_subnet.a.id'),
      vpc_security_group_ids: groups.map(groupId),
    };
  }
  attach(part: PartName, groups: GroupName[]) {
    const ids = groups.map(groupId);
    if (part === 'balancer') this.#set('aws_lb.shop', { security_groups: ids });
    if (part === 'group') this.#set('aws_launch_template.shop', { vpc_security_group_ids: ids });
    if (part === 'cache') this.#set('aws_elasticache_replication_group.shop', { security_group_ids: ids });
    if (part === 'database') this.#set('aws_db_instance.shop', { vpc_security_group_ids: ids });
  }
  place(part: PartName, among: Zone[]) {
    const subnets = [...new Set(among)].map((zone) => ref(`aws_subnet.${zone}.id`));
    if (part === 'balancer') this.#set('aws_lb.shop', { subnets });
    if (part === 'group') this.#set('aws_autoscaling_group.shop', { vpc_zone_identifier: subnets });
    if (part === 'cache') this.#set('aws_elasticache_subnet_group.shop', { subnet_ids: subnets });
    if (part === 'database') this.#set('aws_db_subnet_group.shop', { subnet_ids: subnets });
  }
  resize(min_size: number) {
    this.#set('aws_autoscaling_group.shop', { min_size });
  }
  harden({ database = {}, balancer = {}, cache = {}, tokens }: Hardening) {
    const set = (name: string, given: Arguments) =>
      this.#set(name, Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));
    set('aws_db_instance.shop', {
      publicly_accessible: database.public,
      storage_encrypted: database.encrypted,
      backup_retention_period: database.backupDays,
      deletion_protection: database.isProtected,
      enabled_cloudwatch_logs_exports: database.logs,
    });
    set('aws_elasticache_replication_group.shop', {
      at_rest_encryption_enabled: cache.encrypted,
      transit_encryption_enabled: cache.tls,
      transit_encryption_mode: cache.mode,
      auth_token: cache.token === false ? null : undefined,
    });
    set('aws_lb.shop', {
      enable_deletion_protection: balancer.isProtected,
      access_logs: balancer.logs === undefined ? undefined : [{ bucket: 'logs', enabled: balancer.logs }],
    });
    if (balancer.policy !== undefined) set('aws_lb_listener.p443', { ssl_policy: balancer.policy });
    if (balancer.plain) set('aws_lb_listener.p80', { default_action: [forward] });
    if (tokens !== undefined)
      set('aws_launch_template.shop', {
        metadata_options: [{ http_tokens: tokens, http_endpoint: 'enabled' }],
      });
  }
  listen(ports: number[]) {
    for (const name of Object.keys(this.resources))
      if (name.startsWith('aws_lb_listener.')) delete this.resources[name];
    for (const port of ports) {
      const redirect = { port: '443', protocol: 'HTTPS', status_code: 'HTTP_301' };
      this.resources[`aws_lb_listener.p${port}`] = {
        load_balancer_arn: ref('aws_lb.shop.arn'),
        port,
        protocol: port === 443 ? 'HTTPS' : 'HTTP',
        ...(port === 443 ? { ssl_policy: 'ELBSecurityPolicy-TLS13-1-2-2021-06' } : {}),
        default_action: [port === 443 ? forward : { type: 'redirect', redirect: [redirect] }],
      };
    }
  }
  cache({ multiAz, failover, zones: placed, port }: Parameters<Stack['cache']>[0]) {
    const name = 'aws_elasticache_replication_group.shop';
    if (multiAz !== undefined) this.#set(name, { multi_az_enabled: multiAz });
    if (failover !== undefined) this.#set(name, { automatic_failover_enabled: failover });
    if (port !== undefined) this.#set(name, { port });
    if (placed !== undefined)
      this.#set(name, {
        num_cache_clusters: placed.length,
        preferred_cache_cluster_azs: placed.map(zoneName),
      });
  }
  database({ multiAz, port }: Parameters<Stack['database']>[0]) {
    if (multiAz !== undefined) this.#set('aws_db_instance.shop', { multi_az: multiAz });
    if (port !== undefined) this.#set('aws_db_instance.shop', { port });
  }

  describe(): ModuleDescription {
    return { resources: this.resources };
  }
  text(): string {
    return JSON.stringify(planOf(this.describe()));
  }

  #set(name: string, given: Arguments) {
    Object.assign(this.resources[name]!, given);
  }
}

function toBlock(opening: Opening, groups: string): Arguments {
  const protocol = opening.protocol ?? 'tcp';
  const source = opening.group === undefined ? undefined : groupId(opening.group);
  return {
    protocol,
    from_port: protocol === '-1' ? 0 : opening.from,
    to_port: protocol === '-1' ? 0 : (opening.to ?? opening.from),
    ...(opening.cidr === undefined ? {} : { cidr_blocks: [opening.cidr] }),
    ...(opening.cidrIpv6 === undefined ? {} : { ipv6_cidr_blocks: [opening.cidrIpv6] }),
    ...(opening.prefixList === undefined
      ? {}
      : { prefix_list_ids: [ref('aws_ec2_managed_prefix_list.list.id')] }),
    ...(source === undefined ? {} : { [groups]: groups === 'security_groups' ? [source] : source }),
  };
}

function toRule(opening: Opening): Arguments {
  const ip_protocol = opening.protocol ?? 'tcp';
  return {
    ip_protocol,
    ...(ip_protocol === '-1' ? {} : { from_port: opening.from, to_port: opening.to ?? opening.from }),
    ...(opening.cidr === undefined ? {} : { cidr_ipv4: opening.cidr }),
    ...(opening.cidrIpv6 === undefined ? {} : { cidr_ipv6: opening.cidrIpv6 }),
    ...(opening.prefixList === undefined
      ? {}
      : { prefix_list_id: ref('aws_ec2_managed_prefix_list.list.id') }),
    ...(opening.group === undefined ? {} : { referenced_security_group_id: groupId(opening.group) }),
  };
}
