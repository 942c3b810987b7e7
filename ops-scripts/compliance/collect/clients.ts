// Makes the AWS SDK clients with one configuration, finds the account that they open, and gives each call a deadline.
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { ElastiCacheClient } from '@aws-sdk/client-elasticache';
import { RDSClient } from '@aws-sdk/client-rds';
import { Route53Client } from '@aws-sdk/client-route-53';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { ConfigFault } from '../config-fault.ts';

export interface AwsAccess {
  /** A profile of the shared AWS files. Unset: the SDK takes it from the environment. */
  profile?: string;
  /** Unset: the region of the profile or of the environment. */
  region?: string;
  /** Where every call goes instead of to AWS. Unset: `AWS_ENDPOINT_URL`, then AWS itself. */
  endpointUrl?: string;
  /** The role to assume, with the credentials that are found. */
  role?: { roleArn: string; externalId?: string };
}

/** Refuses a bad URL at once. The SDK would fail on it at each call, one after another. */
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

/** Names of the errors by which AWS refuses the credentials. */
const refusedCredentials = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);

/**
 * Returns the region that will be asked.
 * Throws a ConfigFault when there is no region or no credentials.
 */
export async function checkAccess(
  clients: AwsClients,
  access: AwsAccess,
  deadlineMs: number,
  stop: AbortSignal,
): Promise<string> {
  const region = await knownRegion(clients);
  await usableCredentials(clients, access, deadlineMs, stop);
  return region;
}

/**
 * Returns the account, or '' where STS does not answer: a check goes on without it.
 * Throws a ConfigFault when AWS does not accept the credentials.
 */
export async function askAccount(
  clients: AwsClients,
  deadlineMs: number,
  stop: AbortSignal,
): Promise<string> {
  try {
    const caller = await withinDeadline(deadlineMs, stop, (abortSignal) =>
      clients.sts.send(new GetCallerIdentityCommand({}), { abortSignal }),
    );
    return caller.Account ?? '';
  } catch (error) {
    if (error instanceof Error && refusedCredentials.has(error.name)) {
      throw new ConfigFault(`Cannot ask AWS as it does not accept the credentials: ${error.message}`, {
        cause: error,
      });
    }
    return '';
  }
}

async function knownRegion(clients: AwsClients): Promise<string> {
  try {
    return await clients.sts.config.region();
  } catch (error) {
    throw new ConfigFault('Cannot ask AWS as no region is set: give --region or set AWS_REGION', {
      cause: error,
    });
  }
}

async function usableCredentials(
  clients: AwsClients,
  access: AwsAccess,
  deadlineMs: number,
  stop: AbortSignal,
): Promise<void> {
  try {
    await withinDeadline(deadlineMs, stop, () => clients.sts.config.credentials());
  } catch (error) {
    if (access.role !== undefined) throw error;
    const where = access.profile === undefined ? '' : ` for the profile '${access.profile}'`;
    throw new ConfigFault(
      `Cannot ask AWS as no credentials were found${where}: sign in, or set AWS_PROFILE or AWS_ACCESS_KEY_ID`,
      { cause: error },
    );
  }
}

export class TimedOut extends Error {
  override name = 'TimedOut';
}

/**
 * Returns what `work` gives, or rejects with a TimedOut after `deadlineMs` or once `stop` is aborted. The signal that
 * `work` gets is aborted at the same moment. This does not wait for `work` to end, because the SDK may ignore the
 * signal while it backs off.
 */
export async function withinDeadline<T>(
  deadlineMs: number,
  stop: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const end = (reason: string) => {
    reject(new TimedOut(reason));
    ended.abort();
  };
  const atStop = () => end('the total deadline passed before it answered');
  if (stop.aborted) throw new TimedOut('the total deadline passed before it was asked');
  stop.addEventListener('abort', atStop, { once: true });
  const timer = setTimeout(() => end(`no answer within ${deadlineMs / 1000} s`), deadlineMs);
  try {
    return await Promise.race([work(ended.signal), promise]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', atStop);
  }
}
