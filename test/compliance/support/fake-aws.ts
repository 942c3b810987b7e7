// An endpoint with AWS's wire formats. It serves a snapshot's answers page by page, with faults on request.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callRounds, type TableCall } from '../../../ops-scripts/compliance/collect/call-table.ts';
import type { Snapshot } from '../../../ops-scripts/compliance/snapshot.ts';
import { escapeXml, hasMember, outputXml } from './wire-xml.ts';

export type Fault = 'denied' | 'throttled' | 'page-2-missing' | 'garbage' | 'hung';

interface Asked {
  name: string;
  /** Every value of the request, which is enough to find its call. */
  values: Set<string>;
  page: number;
}

const signedServices: Record<string, string> = {
  elasticloadbalancing: 'elbv2',
  autoscaling: 'autoscaling',
  elasticache: 'elasticache',
  rds: 'rds',
  ec2: 'ec2',
};

const calls = new Map(callRounds.flat().map((call) => [`${call.client}.${call.command}`, call]));

/** Serves until disposed of. `faults` names commands as `client.Command`. */
export async function startFakeAws(snapshot: Snapshot, faults: Record<string, Fault> = {}, itemsPerPage = 2) {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const call = readRequest(request.url ?? '/', request.headers.authorization ?? '', body);
    asked.push(call.name);
    answer(snapshot, faults, itemsPerPage, call, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function readRequest(url: string, authorization: string, body: string): Asked {
  const { pathname, searchParams } = new URL(url, 'http://aws.test');
  const service = authorization.split('/')[3] ?? '';
  if (service === 'route53') {
    const zone = /hostedzone\/([^/]+)\/rrset/.exec(pathname)?.[1];
    const page = searchParams.get('marker') ?? searchParams.get('name');
    return zone === undefined
      ? { name: 'route53.ListHostedZones', values: new Set(), page: pageOf(page) }
      : {
          name: 'route53.ListResourceRecordSets',
          values: new Set([zone, `/hostedzone/${zone}`]),
          page: pageOf(page),
        };
  }
  const form = new URLSearchParams(body);
  return {
    name: `${signedServices[service] ?? service}.${form.get('Action')}`,
    values: new Set(form.values()),
    page: pageOf(form.get('Marker') ?? form.get('NextToken')),
  };
}

function pageOf(token: string | null): number {
  return token === null ? 1 : Number(token.replace('page-', ''));
}

function answer(
  snapshot: Snapshot,
  faults: Record<string, Fault>,
  itemsPerPage: number,
  asked: Asked,
  response: ServerResponse,
): unknown {
  response.setHeader('content-type', 'text/xml');
  if (asked.name === 'sts.GetCallerIdentity') {
    const identity = `<Account>${snapshot.account}</Account>`;
    return response.end(wrap('GetCallerIdentity', 'sts', identity));
  }
  const fault = faults[asked.name];
  if (fault === 'hung') return undefined;
  if (fault === 'garbage') return response.end('<html><title>502</titel>');
  const call = calls.get(asked.name);
  if (call === undefined) return refuse(response, asked.name, 400, 'InvalidAction', 'no such call');
  if (fault === 'throttled') return refuse(response, asked.name, 400, 'Throttling', 'Rate exceeded');
  const denied = call.client === 'ec2' ? 'UnauthorizedOperation' : 'AccessDenied';
  if (fault === 'denied') return refuse(response, asked.name, 403, denied, `not allowed: ${call.action}`);
  if (fault === 'page-2-missing' && asked.page > 1) {
    return refuse(response, asked.name, 400, 'InvalidParameterValue', 'no such page');
  }
  const outcome = find(snapshot, asked);
  if (outcome === undefined) return refuse(response, asked.name, 400, 'NotFound', 'no such thing');
  const perPage = fault === 'page-2-missing' ? 1 : itemsPerPage;
  return response.end(wrap(call.command, call.client, pageXml(call, outcome, asked.page, perPage)));
}

function find(snapshot: Snapshot, asked: Asked): Record<string, unknown> | undefined {
  for (const [key, outcome] of Object.entries(snapshot.calls)) {
    if (key.split('(')[0] !== asked.name || !outcome.ok) continue;
    const input = key.includes('(') ? JSON.parse(key.slice(key.indexOf('(') + 1, -1)) : {};
    if (leavesOf(input).every((leaf) => asked.values.has(leaf))) return outcome.result;
  }
  return undefined;
}

function leavesOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [String(value)];
  return Object.values(value).flatMap(leavesOf);
}

function pageXml(call: TableCall, result: Record<string, unknown>, page: number, perPage: number): string {
  const output = outputOf(call);
  const items = (result[call.list] ?? []) as unknown[];
  const first = (page - 1) * perPage;
  const more = call.nextPage !== undefined && first + perPage < items.length;
  const shown = call.nextPage === undefined ? items : items.slice(first, first + perPage);
  const next = `page-${page + 1}`;
  const token = ['NextToken', 'NextMarker', 'Marker', 'NextRecordName'].find((name) =>
    hasMember(output, name),
  );
  const paging = {
    ...(more && token !== undefined ? { [token]: next } : {}),
    ...(hasMember(output, 'IsTruncated') ? { IsTruncated: more } : {}),
  };
  return outputXml(output, { ...result, ...paging, [call.list]: shown });
}

function outputOf(call: TableCall): unknown {
  const command = new call.Command({} as never) as unknown as { schema: unknown[] };
  return command.schema[5];
}

function wrap(command: string, client: string, xml: string): string {
  const result = ['ec2', 'route53'].includes(client) ? xml : `<${command}Result>${xml}</${command}Result>`;
  return `<${command}Response>${result}</${command}Response>`;
}

function refuse(response: ServerResponse, name: string, status: number, code: string, message: string): void {
  response.statusCode = status;
  const error = `<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`;
  response.end(
    name.startsWith('ec2.')
      ? `<Response><Errors>${error}</Errors><RequestID>r</RequestID></Response>`
      : `<ErrorResponse>${error}<RequestId>r</RequestId></ErrorResponse>`,
  );
}
