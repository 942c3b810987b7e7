// One machine: this system's root under an overlay, in its own namespaces, with systemd as its first process.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { waitUntil } from '../../../ops-scripts/local/wait-until.ts';

// If its input is a socket, Bash assumes a remote shell and reads the user's settings. `--norc` below prevents that.
const runFile = promisify(execFile);

interface MachineOptions {
  name: string;
  /** The folder of everything that machines write. */
  folder: string;
  /** The mount of a cgroup hierarchy, in a group of the rehearsal. */
  cgroup: string;
  bridge: string;
  address: string;
  userData: string;
  /** Names that this machine resolves. */
  hosts: Record<string, string>;
  /** A certificate authority, in addition to those that the system trusts. */
  authority: string;
  awsProgram: string;
}

/** Programs that Amazon Linux has and Debian lacks. They log how they were called. */
const standIns: Record<string, string> = {
  '/usr/local/bin/dnf': `#!/bin/bash
echo "$*" >> /var/log/dnf-asked
mkdir -p /opt/aws/amazon-cloudwatch-agent/etc /opt/aws/amazon-cloudwatch-agent/bin
cat > /opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl <<'CTL'
#!/bin/bash
echo "$*" >> /var/log/agent-asked
file="\${!#}"
python3 -m json.tool < "\${file#file:}" > /dev/null
CTL
chmod 755 /opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
`,
};

const firstBoot = `[Unit]
After=network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=process
ExecStart=/var/lib/user-data
`;

export class Machine {
  readonly name: string;
  readonly address: string;
  readonly root: string;
  readonly #options: MachineOptions;
  #init: ChildProcess | undefined;
  #pid = 0;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.name = options.name;
    this.address = options.address;
    this.root = join(options.folder, options.name, 'root');
  }

  /** Prepares the machine's disk. */
  async prepare(): Promise<void> {
    const { folder, hosts, authority, userData, awsProgram } = this.#options;
    const at = (name: string) => join(folder, this.name, name);
    for (const name of ['upper', 'work', 'root']) mkdirSync(at(name), { recursive: true });
    const layers = `lowerdir=/,upperdir=${at('upper')},workdir=${at('work')}`;
    await runFile('mount', ['-t', 'overlay', 'overlay', '-o', layers, this.root]);
    for (const place of ['tmp', 'root/.aws', 'var/log', 'dev', 'run']) {
      mkdirSync(join(this.root, place), { recursive: true });
      await runFile('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', join(this.root, place)]);
    }
    // No service of the host's root may start.
    await this.#shell('rm -f etc/systemd/system/*.wants/* etc/systemd/system/default.target; chmod 1777 tmp');
    await this.#shell(
      'cd dev; mkdir pts shm; for one in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do IFS=: read -r name major minor <<< "$one"; mknod -m 666 "$name" c "$major" "$minor"; done; : > console; ln -s /proc/self/fd fd; ln -s fd/0 stdin; ln -s fd/1 stdout; ln -s fd/2 stderr',
    );
    const write = (path: string, text: string, mode = 0o644) => {
      mkdirSync(join(this.root, path, '..'), { recursive: true });
      writeFileSync(join(this.root, path), text, { mode });
    };
    for (const [path, text] of Object.entries(standIns)) write(path, text, 0o755);
    write('/usr/local/bin/aws', `#!/bin/bash\nexec ${awsProgram} "$@"\n`, 0o755);
    write('/etc/hosts', hostsFile({ ...hosts, localhost: '127.0.0.1', [this.name]: '127.0.0.1' }));
    write('/etc/hostname', `${this.name}\n`);
    // Empty, so that each machine generates its own id.
    write('/etc/machine-id', '');
    const trusted = '/etc/ssl/certs/ca-certificates.crt';
    appendFileSync(join(this.root, trusted), `\n${authority}`);
    write('/root/.aws/config', `[default]\nca_bundle = ${trusted}\n`);
    // On AWS, Node already trusts the authorities of ElastiCache's certificates.
    write('/etc/authority.pem', authority);
    write(
      '/etc/systemd/system.conf.d/authority.conf',
      '[Manager]\nDefaultEnvironment=NODE_EXTRA_CA_CERTS=/etc/authority.pem\n',
    );
    write('/var/lib/user-data', userData, 0o755);
    write('/etc/systemd/system/user-data.service', firstBoot);
  }

  /** Starts it, or starts it again with the present contents of its disk. */
  async boot(): Promise<void> {
    const { cgroup } = this.#options;
    const group = join(cgroup, this.name);
    mkdirSync(group, { recursive: true });
    const logFile = join(this.root, '..', 'init.log');
    rmSync(logFile, { force: true });
    const log = openSync(logFile, 'a');
    const script = `
      echo $$ > ${group}/cgroup.procs
      exec unshare --mount --net --pid --cgroup --uts --ipc --fork --kill-child bash --norc -c '
        set -e; cd ${this.root}
        mount -t proc proc proc; mount -t sysfs sysfs sys; mount -t cgroup2 cgroup2 sys/fs/cgroup
        mount -t tmpfs -o mode=755 tmpfs run; hostname ${this.name}; ip link set lo up
        echo entered; read -r _
        exec env -i container=lxc PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
          unshare --root . --wd / /lib/systemd/systemd --unit=multi-user.target --log-target=console'`;
    this.#init = spawn('bash', ['--norc', '-c', script], { stdio: ['pipe', log, log] });
    closeSync(log);
    const { pid } = this.#init;
    await waitUntil(() => readFileSync(logFile, 'utf8').includes('entered\n'), {
      what: 'a namespace',
      deadlineMs: 20_000,
      hopeless: () =>
        this.#init!.exitCode === null ? undefined : `Cannot start: ${readFileSync(logFile, 'utf8')}`,
    });
    this.#pid = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
    await this.#connect();
    this.#init.stdin!.write('\n');
    await waitUntil(
      async () => /running|degraded/.test(await this.ask('systemctl is-system-running || true')),
      {
        what: `${this.name} to boot`,
        deadlineMs: 60_000,
        everyMs: 200,
      },
    );
  }

  async #connect(): Promise<void> {
    const { bridge } = this.#options;
    const [outside, inside] = [`o-${this.name}`, `i-${this.name}`];
    const ip = (...words: string[]) => runFile('ip', words);
    await ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', String(this.#pid));
    await ip('link', 'set', outside, 'master', bridge, 'up');
    const within = (...words: string[]) =>
      runFile('nsenter', [`--net=/proc/${this.#pid}/ns/net`, 'ip', ...words]);
    await within('addr', 'add', `${this.address}/16`, 'dev', inside);
    await within('link', 'set', inside, 'up');
    await within('route', 'add', '169.254.169.254/32', 'dev', inside);
  }

  /** Runs its user data, as cloud-init does at the first boot. @returns whether it succeeded, and after how long */
  async runUserData(): Promise<{ succeeded: boolean; seconds: number }> {
    const began = performance.now();
    const answer = await this.ask('systemctl start user-data && echo succeeded || echo failed');
    return { succeeded: answer === 'succeeded', seconds: Math.round((performance.now() - began) / 1_000) };
  }

  /** Returns the output of a command on it. @throws with the output if the command fails */
  async ask(command: string): Promise<string> {
    const entered = ['-t', String(this.#pid), '--mount', '--net', '--pid', '--uts', '--ipc', '--cgroup'];
    const clean = ['env', '-i', 'PATH=/usr/local/bin:/usr/sbin:/usr/bin'];
    const { stdout } = await runFile(
      'nsenter',
      [...entered, '--root', '--wd', ...clean, 'bash', '--norc', '-c', command],
      { maxBuffer: 10_000_000 },
    );
    return stdout.trim();
  }

  read(path: string): string {
    const file = join(this.root, path);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** Stops it by its power button, as AWS does. @returns after how many seconds it was off */
  async powerOff(): Promise<number> {
    const began = performance.now();
    const gone = new Promise((resolve) => this.#init!.once('exit', resolve));
    await runFile('kill', ['-s', 'RTMIN+4', String(this.#pid)]);
    await Promise.race([gone, sleep(90_000).then(() => Promise.reject(new Error(`${this.name} stays on`)))]);
    return Math.round((performance.now() - began) / 1_000);
  }

  async #shell(command: string): Promise<void> {
    await runFile('bash', ['--norc', '-c', command], { cwd: this.root });
  }
}

function hostsFile(hosts: Record<string, string>): string {
  return Object.entries(hosts)
    .map(([name, address]) => `${address} ${name}\n`)
    .join('');
}
