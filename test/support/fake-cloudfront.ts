// A small CloudFront for invalidations, with its real API (2020-05-31, REST and XML).
// Each caller reference is one invalidation, which is in progress until the test completes it.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

interface RecordedInvalidation {
  id: string;
  distributionId: string;
  callerReference: string;
  items: string[];
  status: 'InProgress' | 'Completed';
}

export interface FakeCloudFront extends AsyncDisposable {
  url: string;
  invalidations: RecordedInvalidation[];
  /** How many invalidations were requested, including refused ones. */
  asked: number;
  /** What happens to the next requested ones, in order. */
  next: ('refuse as too many' | 'make it and lose the answer')[];
  /** Whether an invalidation completes when it is next looked up. */
  completes: boolean;
}

const namespace = 'http://cloudfront.amazonaws.com/doc/2020-05-31/';
const path = /^\/2020-05-31\/distribution\/(\w+)\/invalidation(?:\/(\w+))?$/;

export async function startFakeCloudFront(): Promise<FakeCloudFront> {
  const server = createServer((request, response) => void answer(fake, request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const fake: FakeCloudFront = {
    url: `http://127.0.0.1:${port}`,
    invalidations: [],
    asked: 0,
    next: [],
    completes: false,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return fake;
}

async function answer(
  fake: FakeCloudFront,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = Buffer.concat(await request.toArray()).toString();
  const [, distributionId, id] = path.exec(request.url ?? '') ?? [];
  if (distributionId === undefined) return refuse(response, 404, 'NoSuchResource');
  if (request.method === 'GET') {
    const found = fake.invalidations.find((one) => one.id === id);
    if (found === undefined) return refuse(response, 404, 'NoSuchInvalidation');
    if (fake.completes) found.status = 'Completed';
    return say(response, 200, found);
  }
  fake.asked += 1;
  const turn = fake.next.shift();
  if (turn === 'refuse as too many') return refuse(response, 400, 'TooManyInvalidationsInProgress');
  const callerReference = /<CallerReference>(.*?)<\/CallerReference>/.exec(body)?.[1] ?? '';
  const items = [...body.matchAll(/<Path>(.*?)<\/Path>/g)].map(([, item]) => item!);
  const quantity = Number(/<Quantity>(\d+)<\/Quantity>/.exec(body)?.[1]);
  if (quantity !== items.length || items.length === 0) return refuse(response, 400, 'InconsistentQuantities');
  if (items.some((item) => !/^[#/][\x21-\x2b\x2d-\x7e]{1,256}$/.test(item)))
    return refuse(response, 400, 'InvalidArgument');
  let made = fake.invalidations.find((one) => one.callerReference === callerReference);
  if (made !== undefined && made.items.join() !== items.join())
    return refuse(response, 400, 'InvalidationBatchAlreadyExists');
  if (made === undefined) {
    made = {
      id: `I${fake.invalidations.length + 1}ABCDEFGH`,
      distributionId,
      callerReference,
      items,
      status: 'InProgress',
    };
    fake.invalidations.push(made);
  }
  if (turn === 'make it and lose the answer') return void response.destroy();
  say(response, 201, made);
}

function say(response: ServerResponse, status: number, made: RecordedInvalidation): void {
  response
    .writeHead(status, { 'Content-Type': 'text/xml' })
    .end(
      `<?xml version="1.0"?>\n<Invalidation xmlns="${namespace}"><Id>${made.id}</Id><Status>${made.status}</Status>` +
        `<CreateTime>2026-11-25T10:00:00.000Z</CreateTime><InvalidationBatch><Paths><Quantity>${made.items.length}</Quantity>` +
        `<Items>${made.items.map((item) => `<Path>${item}</Path>`).join('')}</Items></Paths>` +
        `<CallerReference>${made.callerReference}</CallerReference></InvalidationBatch></Invalidation>`,
    );
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'Content-Type': 'text/xml' })
    .end(
      `<?xml version="1.0"?>\n<ErrorResponse xmlns="${namespace}"><Error><Type>Sender</Type><Code>${code}</Code>` +
        `<Message>As the test wants it</Message></Error><RequestId>a-request</RequestId></ErrorResponse>`,
    );
}
