// Adds the VPC of three zones, and its security groups.
// The web reaches the load balancer, which reaches the machines, which reach the stores.
import { RemovalPolicy } from 'aws-cdk-lib';
import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  IpAddresses,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { ports, type Size } from './stack-options.ts';

/** The VPC: in each zone a public, a private and an isolated subnet. */
export const vpcCidr = '10.20.0.0/16';

export function addNetwork(scope: Construct, { zones, natGateways }: Size): Vpc {
  const vpc = new Vpc(scope, 'Vpc', {
    ipAddresses: IpAddresses.cidr(vpcCidr),
    maxAzs: zones,
    natGateways,
    restrictDefaultSecurityGroup: false,
    subnetConfiguration: [
      { name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 22, mapPublicIpOnLaunch: false },
      { name: 'machines', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 },
      { name: 'stores', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 22 },
    ],
  });
  // Releases and packages come by this way, also while a NAT gateway is away.
  vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 });
  const logGroup = new LogGroup(scope, 'FlowLogs', {
    retention: RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  vpc.addFlowLog('Refused', {
    destination: FlowLogDestination.toCloudWatchLogs(logGroup),
    trafficType: FlowLogTrafficType.REJECT,
  });
  return vpc;
}

/**
 * Security groups: the web reaches the load balancer, that the machines, those the stores. All else is
 * closed, egress too.
 */
export interface StackSecurityGroups {
  balancer: SecurityGroup;
  origins: SecurityGroup;
  workers: SecurityGroup;
  cache: SecurityGroup;
  database: SecurityGroup;
}

export function addSecurityGroups(scope: Construct, vpc: Vpc): StackSecurityGroups {
  const group = (id: string, description: string) =>
    new SecurityGroup(scope, id, { vpc, description, allowAllOutbound: false });
  const groups: StackSecurityGroups = {
    balancer: group('BalancerGroup', 'The load balancer: open to the web on 80 and 443'),
    origins: group('OriginGroup', 'Origins: from the load balancer only'),
    workers: group('WorkerGroup', 'Workers: from the load balancer only'),
    cache: group('CacheGroup', 'The cache: from origins and workers only'),
    database: group('DatabaseGroup', 'The database: from origins and workers only'),
  };
  for (const port of [80, 443]) {
    groups.balancer.addIngressRule(Peer.anyIpv4(), Port.tcp(port), `The web on ${port}`);
  }
  // A group without a way out of its own may be given AWS's default, which is everywhere.
  groups.balancer.addEgressRule(Peer.ipv4('127.0.0.1/32'), Port.allTraffic(), 'Nothing else');
  connect(groups.balancer, groups.origins, ports.origin, 'requests and health checks');
  connect(groups.balancer, groups.workers, ports.worker, 'dashboard and health checks');
  for (const machines of [groups.origins, groups.workers]) {
    connect(machines, groups.cache, ports.cache, 'cache');
    connect(machines, groups.database, ports.database, 'database');
    machines.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'APIs of AWS and of payment providers');
  }
  groups.workers.addEgressRule(Peer.anyIpv4(), Port.tcp(465), 'Mail by SMTP over TLS');
  return groups;
}

/** Both ends: egress of the one, ingress of the other. */
function connect(from: SecurityGroup, to: SecurityGroup, port: number, what: string): void {
  from.addEgressRule(to, Port.tcp(port), what);
  to.addIngressRule(from, Port.tcp(port), what);
}
