// `ops aws run`: runs one operators' command on a machine of the deployed shop, through Systems Manager.
import { setTimeout as delay } from 'node:timers/promises';
import type { GetCommandInvocationCommandOutput, SSMClient } from '@aws-sdk/client-ssm';
import { Command, InvalidArgumentError } from 'commander';
import { stackTag } from '../infra/stack-options.ts';

interface RunFlags {
  stack: string;
  region?: string;
  profile?: string;
  endpointUrl?: string;
  timeout: number;
  json?: boolean;
}

export function awsCommand(): Command {
  return new Command('aws').addCommand(
    new Command('run')
      .description("Run an operators' command on a worker of the deployed shop, and print what it says")
      .argument('<words...>', 'the command, after --')
      .option('--stack <name>', 'tag Stack of its machines', stackTag)
      .option('--region <name>', 'default: as the AWS SDK finds it')
      .option('--profile <name>', 'of the AWS configuration')
      .option('--endpoint-url <url>', 'another address of the API, for tests')
      .option('--timeout <seconds>', 'how long the command may take', readSeconds, 3_600)
      .option('--json', 'print one JSON object')
      .addHelpText('after', examples)
      .action(run),
  );
}

const examples = `
Examples:
  $ npm run ops -- aws run -- jobs status
  $ npm run ops -- aws run -- catalog import s3://example/products.csv

The exit code is that of the command. It needs ssm:SendCommand,
ssm:DescribeInstanceInformation and ssm:GetCommandInvocation, and no way to
the machine.`;

const pollMs = 1_000;
/** The length at which Systems Manager cuts an output. */
const mostLetters = 24_000;
const underWay = ['Pending', 'InProgress', 'Delayed', 'Cancelling'];

async function run(words: string[], flags: RunFlags): Promise<void> {
  const { SSMClient } = await import('@aws-sdk/client-ssm');
  const client = new SSMClient({
    ...(flags.region ? { region: flags.region } : {}),
    ...(flags.profile ? { profile: flags.profile } : {}),
    ...(flags.endpointUrl ? { endpoint: flags.endpointUrl } : {}),
  });
  try {
    const machine = await findWorker(client, flags.stack);
    const answer = await runOn(client, machine, words, flags.timeout);
    const output = answer.StandardOutputContent ?? '';
    const code = answer.ResponseCode ?? 1;
    if (flags.json)
      console.log(
        JSON.stringify({ machine, code, status: answer.Status, output, errors: answer.StandardErrorContent }),
      );
    else {
      process.stdout.write(output);
      process.stderr.write(answer.StandardErrorContent ?? '');
      if (output.length >= mostLetters)
        console.error('The output is cut: Systems Manager keeps 24,000 letters');
      if (answer.Status !== 'Success') console.error(`${machine}: ${answer.Status}, exit code ${code}`);
    }
    process.exitCode = answer.Status === 'Success' ? 0 : code > 0 ? code : 1;
  } finally {
    client.destroy();
  }
}

/** @throws if Systems Manager knows no worker of the stack */
async function findWorker(client: SSMClient, stack: string): Promise<string> {
  const { DescribeInstanceInformationCommand } = await import('@aws-sdk/client-ssm');
  const filters = { 'tag:Stack': stack, 'tag:Part': 'worker', PingStatus: 'Online' };
  const { InstanceInformationList = [] } = await client.send(
    new DescribeInstanceInformationCommand({
      Filters: Object.entries(filters).map(([Key, value]) => ({ Key, Values: [value] })),
    }),
  );
  const [machine] = InstanceInformationList.flatMap(({ InstanceId }) => InstanceId ?? []).sort();
  if (machine === undefined)
    throw new Error(
      `Cannot find a worker: no machine with the tags Stack=${stack} and Part=worker is online`,
    );
  return machine;
}

async function runOn(
  client: SSMClient,
  machine: string,
  words: string[],
  timeoutSeconds: number,
): Promise<GetCommandInvocationCommandOutput> {
  const { GetCommandInvocationCommand, SendCommandCommand } = await import('@aws-sdk/client-ssm');
  const { Command: sent } = await client.send(
    new SendCommandCommand({
      DocumentName: 'AWS-RunShellScript',
      InstanceIds: [machine],
      Comment: `ops ${words.join(' ')}`.slice(0, 100),
      Parameters: {
        commands: [['/usr/local/bin/ops', ...words].map(quoted).join(' ')],
        executionTimeout: [String(timeoutSeconds)],
      },
    }),
  );
  const CommandId = sent!.CommandId!;
  for (;;) {
    const answer = await client
      .send(new GetCommandInvocationCommand({ CommandId, InstanceId: machine }))
      .catch((error: Error) => {
        // Systems Manager answers so for a moment after a command was sent.
        if (error.name === 'InvocationDoesNotExist') return undefined;
        throw error;
      });
    if (answer !== undefined && !underWay.includes(answer.Status ?? '')) return answer;
    await delay(pollMs);
  }
}

/** Quotes a word for a shell, so that no character in it has a meaning. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function readSeconds(text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) < 30)
    throw new InvalidArgumentError('It is a whole number of seconds, 30 or more.');
  return Number(text);
}
