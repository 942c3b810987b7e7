// The template's user data runs on real systemd in namespaces: from nothing to a second release, a drain and a stop.
// docs/deploy.md says what stands in for AWS.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram } from '../support/system-packages.ts';

type Step = { step: string } & Record<string, never>;

/** Why this machine cannot run the rehearsal, or undefined. */
function whyNot(): string | undefined {
  for (const program of ['unshare', 'nsenter', 'ip', 'aws', 'logrotate', 'openssl', 'curl'])
    if (findProgram(program) === undefined) return `${program} is missing`;
  if (!existsSync('/lib/systemd/systemd')) return 'this system has no systemd';
  const words = [
    '--mount',
    '--net',
    '--pid',
    '--cgroup',
    '--fork',
    'ip',
    'link',
    'add',
    'shop',
    'type',
    'bridge',
  ];
  return spawnSync('unshare', words).status === 0 ? undefined : 'namespaces need root';
}
const reason = whyNot();
if (reason !== undefined) console.warn(`The boot is not rehearsed: ${reason}`);

describe.skipIf(reason !== undefined)('the boot of the machines', () => {
  const steps = new Map<string, Record<string, unknown>>();
  let world: ChildProcess;

  beforeAll(async () => {
    const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const script = 'test/infra/rehearsal/world.ts';
    // It ends when its standard input closes, also if this process is killed.
    world = spawn('unshare', [...namespaces, process.execPath, script, findProgram('aws')!], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: world.stdout! })) {
      const { step, ...facts } = JSON.parse(line) as Step;
      steps.set(step, facts);
      console.log(line);
    }
    expect(steps.has('done')).toBe(true);
  }, 900_000);
  afterAll(() => void world?.stdin?.end());

  test('A first boot leads to ready origins and workers, with the schema migrated and the release verified', () => {
    expect(steps.get('from nothing')).toMatchObject({
      origin: { succeeded: true },
      worker: { succeeded: true },
      console: 'boot is complete',
      release: 'first',
      agent: expect.stringContaining('fetch-config'),
    });
  });

  test('gives the log agent a configuration by which each figure that has an alarm is found', () => {
    expect(steps.get('figures')).toMatchObject({ missing: [] });
  });

  test('serves while database and cache are away, and finds them when they are there', () => {
    expect(steps.get('stores away')).toMatchObject({ succeeded: true, waiting: 'activating', order: 201 });
  });

  test('lets operators import the first catalog from S3, the first staff sign in, and the first order be placed', () => {
    expect(steps.get('first catalog and staff')).toMatchObject({ products: 1, staff: 201, order: 201 });
  });

  test('asks for nothing that its role forbids, and each machine reads the secrets of its kind only', () => {
    const common = ['AppDatabasePassword', 'CacheToken', 'CookieKeys', 'DatabasePassword', 'ExtraSettings'];
    expect(steps.get('credentials')).toEqual({
      refused: [],
      secrets: [common, [...common, 'OperatorPassword'].sort()],
      // The shop's user cannot request the machine's credentials, but root can.
      originProcess: '000',
      originRoot: '200',
      readableByShop: '',
    });
  });

  test('brings a second release without a failed request, and drains the machines that go', () => {
    const { second, release, drains, asked, failed } = steps.get('second release') as {
      second: unknown[];
      release: string;
      drains: { seconds: number; stopped: string; offSeconds: number }[];
      asked: number;
      failed: string[];
    };
    expect([second, release]).toMatchObject([[{ succeeded: true }, { succeeded: true }], 'second']);
    for (const drain of drains) {
      expect(drain).toMatchObject({ allowed: true, told: ['drain', 'CONTINUE'] });
      // The lifecycle hook waits this long.
      expect(drain.seconds).toBeLessThan(180);
      expect(drain.stopped.split('\n').sort()).toEqual([
        'ActiveState=inactive',
        'ExecMainStatus=0',
        'Result=success',
      ]);
      expect(drain.offSeconds).toBeLessThan(60);
    }
    expect(failed).toEqual([]);
    expect(asked).toBeGreaterThan(100);
  });

  test('starts again a process that was killed, and the shop with a machine that was stopped and started', () => {
    const { killedSeconds, offSeconds } = steps.get('stop and start of a machine') as Record<string, number>;
    expect(killedSeconds).toBeLessThan(30);
    expect(offSeconds).toBeLessThan(60);
  });

  test('rotates logs before they fill the disk', () => {
    expect(steps.get('rotation')).toMatchObject({
      timer: 'active',
      logs: expect.stringContaining('origin.log.1.gz'),
    });
    expect((steps.get('rotation') as { bytes: number }).bytes).toBeLessThan(50_000_000);
  });

  test.each(['wrong digest', 'a secret that is refused'])(
    'ends at %s, says so, and serves nobody',
    (step) => {
      const { succeeded, said, runs } = steps.get(step) as {
        succeeded: boolean;
        said: string[];
        runs: string;
      };
      expect([succeeded, runs]).toEqual([false, 'inactive']);
      expect(said.join('\n')).toMatch(/boot failed in line \d+/);
    },
  );
});
