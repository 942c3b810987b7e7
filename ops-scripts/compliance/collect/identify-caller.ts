// Finds the region and account of the caller, or explains in one sentence why it cannot.
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { ConfigFault } from '../config-fault.ts';
import type { AwsAccess, AwsClients } from './clients.ts';
import { withinDeadline } from './within-deadline.ts';

const refusedCredentials = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);

/**
 * The region that will be asked.
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
 * The account, or '' where the credentials' service does not tell it: a check goes on without.
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
