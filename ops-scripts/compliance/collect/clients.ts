// Creates the AWS SDK clients with one configuration: standard credentials, adaptive retry, bounded sockets.
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { ElastiCacheClient } from '@aws-sdk/client-elasticache';
import { RDSClient } from '@aws-sdk/client-rds';
import { Route53Client } from '@aws-sdk/client-route-53';
import { STSClient } from '@aws-sdk/client-sts';
import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { ConfigFault } from '../config-fault.ts';

export interface AwsAccess {
  /** A profile of the shared AWS files; unset: what the environment says. */
  profile?: string;
  /** Unset: the profile's or environment's. */
  region?: string;
  /** Every call goes there instead of to AWS; unset: `AWS_ENDPOINT_URL`, then AWS itself. */
  endpointUrl?: string;
  /** Asked as this role, taken with the credentials that are found. */
  role?: { roleArn: string; externalId?: string };
}

/** The SDK would fail on it at each call, one after another. */
function checkEndpoint(url: string | undefined): string | undefined {
  if (!url || (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol))) return url;
  throw new ConfigFault(`Cannot ask AWS at '${url}' as it is not the URL of an http or https server`);
}

function credentialsOf({ profile, region, role }: AwsAccess, endpoint: string | undefined) {
  const own = fromNodeProviderChain({ profile });
  if (role === undefined) return own;
  return fromTemporaryCredentials({
    masterCredentials: own,
    params: {
      RoleArn: role.roleArn,
      RoleSessionName: 'myclothes-compliance',
      ...(role.externalId === undefined ? {} : { ExternalId: role.externalId }),
    },
    clientConfig: { ...(region ? { region } : {}), ...(endpoint ? { endpoint } : {}), maxAttempts: 2 },
  });
}

export type AwsClients = ReturnType<typeof makeClients>;

export function makeClients(access: AwsAccess, sockets: number, maxAttempts: number) {
  const endpoint = checkEndpoint(access.endpointUrl ?? process.env['AWS_ENDPOINT_URL']);
  const shared = {
    ...(access.profile === undefined ? {} : { profile: access.profile }),
    ...(access.region === undefined ? {} : { region: access.region }),
    ...(access.endpointUrl && endpoint ? { endpoint } : {}),
    credentials: credentialsOf(access, endpoint),
    retryMode: 'adaptive',
    maxAttempts,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: 5_000,
      httpAgent: { keepAlive: true, maxSockets: sockets },
      httpsAgent: { keepAlive: true, maxSockets: sockets },
    }),
  };
  return {
    elbv2: new ElasticLoadBalancingV2Client(shared),
    autoscaling: new AutoScalingClient(shared),
    elasticache: new ElastiCacheClient(shared),
    rds: new RDSClient(shared),
    ec2: new EC2Client(shared),
    route53: new Route53Client(shared),
    sts: new STSClient(shared),
    [Symbol.dispose]() {
      shared.requestHandler.destroy();
    },
  };
}
