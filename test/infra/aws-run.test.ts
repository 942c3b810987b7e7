// `ops aws run` against a fake Systems Manager: the machine that it chooses, the words that it sends, and its result.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { awsCommand } from '../../ops-scripts/aws/command.ts';
import type { Json } from '../support/shop.ts';

const asked: { call: string; input: Json }[] = [];
let machines = ['i-2', 'i-1'];
let outcome: Json = { Status: 'Success', ResponseCode: 0, StandardOutputContent: 'Nothing has failed\n' };
let polls = 0;
const answers: Record<string, (input: Json) => Json> = {
  DescribeInstanceInformation: () => ({
    InstanceInformationList: machines.map((InstanceId) => ({ InstanceId })),
  }),
  SendCommand: () => ({ Command: { CommandId: '11111111-2222-3333-4444-555555555555' } }),
  GetCommandInvocation: () => {
    polls += 1;
    if (polls === 1) return { __type: 'InvocationDoesNotExist' };
    return polls === 2 ? { Status: 'InProgress' } : outcome;
  },
};
const api = createServer((request, response) => {
  let body = '';
  request.on('data', (part) => (body += String(part)));
  request.on('end', () => {
    const call = String(request.headers['x-amz-target']).split('.')[1]!;
    const input = JSON.parse(body);
    asked.push({ call, input });
    const answer = answers[call]!(input);
    response.writeHead('__type' in answer ? 400 : 200, { 'Content-Type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify(answer));
  });
});
beforeAll(async () => {
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'testing');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'testing');
});
afterAll(() => {
  vi.unstubAllEnvs();
  api.closeAllConnections();
  api.close();
});

async function ops(...words: string[]): Promise<Json> {
  asked.length = 0;
  polls = 0;
  process.exitCode = 0;
  const said: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line) => void said.push(String(line)));
  const endpoint = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  try {
    const flags = ['run', '--region', 'eu-west-1', '--endpoint-url', endpoint, '--json', '--', ...words];
    await awsCommand().parseAsync(flags, { from: 'user' });
  } finally {
    log.mockRestore();
  }
  return { ...JSON.parse(said[0]!), exitCode: process.exitCode };
}

test('A command runs on one worker that is online, its words mean nothing to a shell, and its exit code is ours', async () => {
  expect(await ops('jobs', 'list', '--error', "it's $(gone)")).toMatchObject({
    machine: 'i-1',
    code: 0,
    exitCode: 0,
    output: 'Nothing has failed\n',
  });
  expect(asked.map(({ call }) => call).slice(0, 3)).toEqual([
    'DescribeInstanceInformation',
    'SendCommand',
    'GetCommandInvocation',
  ]);
  expect(asked[0]!.input.Filters).toEqual([
    { Key: 'tag:Stack', Values: ['myclothes'] },
    { Key: 'tag:Part', Values: ['worker'] },
    { Key: 'PingStatus', Values: ['Online'] },
  ]);
  expect(asked[1]!.input).toMatchObject({
    InstanceIds: ['i-1'],
    Parameters: { commands: [String.raw`'/usr/local/bin/ops' 'jobs' 'list' '--error' 'it'\''s $(gone)'`] },
  });

  outcome = { Status: 'Failed', ResponseCode: 2, StandardErrorContent: 'unknown option' };
  expect(await ops('jobs', '--wrong')).toMatchObject({ code: 2, exitCode: 2 });
  outcome = { Status: 'TimedOut', ResponseCode: -1 };
  expect(await ops('jobs', 'status')).toMatchObject({ exitCode: 1 });
  process.exitCode = 0;

  machines = [];
  await expect(ops('jobs', 'status')).rejects.toThrow(
    'Cannot find a worker: no machine with the tags Stack=myclothes',
  );
});
