// AWS as machines see it: instance metadata, and the few calls of their boot scripts, checked against the machine's
// role.
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { isAllowed, type Statement } from './read-template.ts';

export interface FakeMachine {
  address: string;
  instanceId: string;
  zone: string;
  group: string;
  lifecycleState: 'InService' | 'Terminated';
  statements: Statement[];
}

export interface Call {
  machine: string;
  action: string;
  resource: string;
  allowed: boolean;
}

export interface FakeAws {
  machines: FakeMachine[];
  /** The calls, in order. */
  calls: Call[];
  /** By ARN. */
  secrets: Record<string, string>;
  /** Files by `bucket/key`. */
  objects: Record<string, string>;
}

export interface FakeAwsOptions {
  aws: FakeAws;
  region: string;
  account: string;
  apiAddress: string;
  certificate: { cert: string; key: string };
  /** The certificate authorities that RDS publishes. */
  truststore: string;
  prefixes: string[];
}

const metadataAddress = '169.254.169.254';

export async function startFakeAws(options: FakeAwsOptions): Promise<void> {
  const metadata = createServer((request, response) => answerMetadata(options.aws, request, response));
  const api = createTlsServer(options.certificate, (request, response) => {
    readBody(request)
      .then((body) => answerCall(options, { request, response, body }))
      .catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => metadata.listen(80, metadataAddress, resolve));
  await new Promise<void>((resolve) => api.listen(443, options.apiAddress, resolve));
}

const token = 'a-token-of-the-second-version';

/**
 * Answers as instance metadata version 2: a request without a token gets nothing. Machines are identified by their
 * address.
 */
function answerMetadata({ machines }: FakeAws, request: IncomingMessage, response: ServerResponse) {
  const answer = (status: number, text = '') => response.writeHead(status).end(text);
  const machine = machines.find(({ address }) => address === request.socket.remoteAddress);
  if (machine === undefined) return answer(404);
  const lifetime = request.headers['x-aws-ec2-metadata-token-ttl-seconds'];
  if (request.url === '/latest/api/token')
    return request.method === 'PUT' && lifetime !== undefined ? answer(200, token) : answer(400);
  if (request.headers['x-aws-ec2-metadata-token'] !== token) return answer(401);
  const known: Record<string, string> = {
    'instance-id': machine.instanceId,
    'placement/availability-zone': machine.zone,
    'placement/region': machine.zone.slice(0, -1),
    'local-ipv4': machine.address,
    'tags/instance/aws:autoscaling:groupName': machine.group,
    'autoscaling/target-lifecycle-state': machine.lifecycleState,
    'iam/security-credentials/': machine.group,
    [`iam/security-credentials/${machine.group}`]: JSON.stringify({
      Code: 'Success',
      Type: 'AWS-HMAC',
      AccessKeyId: keyOf(machine),
      SecretAccessKey: 'nobody-checks-it',
      Token: 'a-session',
      LastUpdated: new Date().toISOString(),
      Expiration: new Date(Date.now() + 3_600_000).toISOString(),
    }),
  };
  const text = known[(request.url ?? '').replace('/latest/meta-data/', '')];
  return answer(text === undefined ? 404 : 200, text);
}

/** The access key by which a call shows whose role it uses. */
const keyOf = ({ instanceId }: FakeMachine) => `ASIA${instanceId.replace('-', '').toUpperCase()}`;

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  body: string;
}

function answerCall(options: FakeAwsOptions, exchange: Exchange): void {
  const { request, response } = exchange;
  const host = request.headers.host ?? '';
  if (host.startsWith('truststore.')) return void response.end(options.truststore);
  const machine = options.aws.machines.find((one) =>
    String(request.headers.authorization).includes(`Credential=${keyOf(one)}/`),
  );
  if (machine === undefined) return void response.writeHead(403).end('not signed by a machine of ours');
  const judge = (action: string, resource: string) => {
    const allowed = isAllowed(machine.statements, action, resource);
    options.aws.calls.push({ machine: machine.instanceId, action, resource, allowed });
    if (!allowed) response.writeHead(403).end(`<Error><Code>AccessDenied</Code></Error>`);
    return allowed;
  };
  const service = host.split('.').find((part) => part in services);
  if (service === undefined) return void response.writeHead(404).end(`no ${host} here`);
  services[service]!(options, exchange, judge);
}

type Service = (
  options: FakeAwsOptions,
  exchange: Exchange,
  judge: (action: string, resource: string) => boolean,
) => void;

const services: Record<string, Service> = {
  secretsmanager({ aws }, { response, body }, judge) {
    const { SecretId } = JSON.parse(body) as { SecretId: string };
    if (!judge('secretsmanager:GetSecretValue', SecretId)) return;
    const headers = { 'Content-Type': 'application/x-amz-json-1.1' };
    response
      .writeHead(200, headers)
      .end(JSON.stringify({ ARN: SecretId, SecretString: aws.secrets[SecretId] }));
  },
  s3({ aws }, { request, response }, judge) {
    const bucket = request.headers.host!.split('.s3.')[0]!;
    const key = new URL(request.url!, 'http://s3').pathname.slice(1);
    if (!judge('s3:GetObject', `arn:aws:s3:::${bucket}/${key}`)) return;
    const file = aws.objects[`${bucket}/${key}`];
    if (file === undefined) return void response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
    sendFile(file, request, response);
  },
  autoscaling({ account, region }, { response, body }, judge) {
    const fields = new URLSearchParams(body);
    const group = fields.get('AutoScalingGroupName');
    const resource = `arn:aws:autoscaling:${region}:${account}:autoScalingGroup:1:autoScalingGroupName/${group}`;
    const words = ['LifecycleHookName', 'LifecycleActionResult'].map((name) => fields.get(name));
    if (!judge(`autoscaling:${fields.get('Action')}`, `${resource} ${words.join(' ')}`)) return;
    sendXml(response, fields.get('Action')!, `<CompleteLifecycleActionResult/>`);
  },
  ec2({ region, prefixes }, { response, body }, judge) {
    const fields = new URLSearchParams(body);
    const action = fields.get('Action')!;
    const list = fields.get('PrefixListId');
    const resource = list === null ? '*' : `arn:aws:ec2:${region}:aws:prefix-list/${list}`;
    if (!judge(`ec2:${action}`, resource)) return;
    const items =
      list === null
        ? '<prefixListSet><item><prefixListId>pl-1</prefixListId></item></prefixListSet>'
        : `<entrySet>${prefixes.map((cidr) => `<item><cidr>${cidr}</cidr></item>`).join('')}</entrySet>`;
    sendXml(response, action, items);
  },
};

function sendXml(response: ServerResponse, action: string, inside: string): void {
  response.writeHead(200, { 'Content-Type': 'text/xml' });
  response.end(`<${action}Response><requestId>1</requestId>${inside}</${action}Response>`);
}

/** Large files are requested in ranges. */
function sendFile(file: string, request: IncomingMessage, response: ServerResponse): void {
  const { size, mtime } = statSync(file);
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(first ?? 0);
  const end = last ? Math.min(Number(last), size - 1) : size - 1;
  response.writeHead(first === undefined ? 200 : 206, {
    'Content-Length': end - start + 1,
    'Accept-Ranges': 'bytes',
    ETag: '"one-version"',
    'Last-Modified': mtime.toUTCString(),
    ...(first === undefined ? {} : { 'Content-Range': `bytes ${start}-${end}/${size}` }),
  });
  if (request.method === 'HEAD') return void response.end();
  if (size < 1_000_000) return void response.end(readFileSync(file).subarray(start, end + 1));
  createReadStream(file, { start, end }).pipe(response);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
