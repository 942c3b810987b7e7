// Runs HAProxy as a supervised process. After a restart it has the same ports and targets.
import { once } from 'node:events';
import { mkdirSync, openSync, realpathSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type RunningPart, startPart, supervise } from '../local/part.ts';
import { findOrInstallProgram } from '../local/system-package.ts';
import { waitUntil } from '../local/wait-until.ts';
import type { WriterEndpoint } from './failover.ts';

interface BalancerOptions {
  plan: BalancerPlan;
  folder: string;
  logFile: string;
  toolsFolder: string;
  signal: AbortSignal;
  onEvent: (sentence: string) => void;
  onStarted: (part: RunningPart) => void;
}

export interface RunningBalancer {
  part(): RunningPart;
  /**
   * Sends no new requests to an origin, while its present requests end. A failed health check would cut them, so health
   * checks are off meanwhile.
   * A balancer with sticky shoppers does not drain: they would be sent to the origin until its end. It relies on health
   * checks.
   */
  drain(origin: string): Promise<void>;
  /** Sends requests to the origin again, if its health check allows. */
  admit(origin: string): Promise<void>;
  /** @param url the address for clients of that store */
  endpoint(store: string, url: string): WriterEndpoint;
  stop(): Promise<void>;
}

/** @throws one sentence that says what to do if HAProxy is missing and cannot be installed */
export async function startBalancer(options: BalancerOptions): Promise<RunningBalancer> {
  const { plan, logFile, onEvent } = options;
  const program = await findOrInstallProgram({
    program: 'haproxy',
    packageName: 'haproxy',
    toolsFolder: options.toolsFolder,
    onProgress: onEvent,
  });
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const folder = realpathSync(options.folder);
  const ask = createAdmin(folder);
  const process = await supervise({
    name: 'balancer',
    signal: options.signal,
    start: async (signal) => {
      writeFileSync(join(folder, 'haproxy.cfg'), renderBalancerConfig(plan), { mode: 0o600 });
      const part = await startPart({
        name: 'balancer',
        command: program,
        args: ['-db', '-f', 'haproxy.cfg'],
        cwd: folder,
        logFile,
        stopWithinMs: 1_000,
      });
      await waitUntil(() => ask('show info').then(() => true), {
        what: 'the balancer to answer',
        deadlineMs: 5_000,
        signal,
        hopeless: () => (part.hasExited() ? `Cannot start HAProxy, see ${logFile}` : undefined),
      });
      return part;
    },
    onStarted: options.onStarted,
    onEvent,
  });

  // If the balancer is down at this moment, it restarts with all origins enabled.
  const tell = (commands: string) =>
    ask(commands).then(
      () => {},
      () => {},
    );
  return {
    part: () => process.current(),
    drain: async (origin) => {
      if (!plan.sticky)
        await tell(`disable health origins/${origin}; set server origins/${origin} state drain`);
    },
    admit: (origin) => tell(`set server origins/${origin} state ready; enable health origins/${origin}`),
    endpoint: (name, url) => ({
      url,
      pointTo: async (member) => {
        const store = plan.stores.find((candidate) => candidate.name === name);
        if (store === undefined) throw new Error(`The balancer has no endpoint ${name}`);
        store.leadsTo = member;
        const commands = store.members.flatMap((target) => [
          ...(target.name === member ? [] : [`disable server ${name}/${target.name}`]),
          `shutdown sessions server ${name}/${target.name}`,
          ...(target.name === member ? [`enable server ${name}/${target.name}`] : []),
        ]);
        // If the balancer is down at this moment, it restarts with the present plan. Repeating the commands does no
        // harm.
        await waitUntil(() => ask(commands.join('; ')).then(() => true), {
          what: 'the balancer to turn',
          deadlineMs: 10_000,
        });
      },
    }),
    stop: () => process.stop(),
  };
}

/** HAProxy's command line over its socket. Semicolons separate several commands. */
function createAdmin(folder: string): (commands: string) => Promise<string> {
  const absolute = join(folder, adminSocket);
  // A socket's path may have about 100 letters. A descriptor of the folder makes any path short.
  const path = absolute.length < 100 ? absolute : `/proc/self/fd/${openSync(folder, 'r')}/${adminSocket}`;
  return async (commands) => {
    const signal = AbortSignal.timeout(2_000);
    const socket = connect({ path, signal });
    try {
      await once(socket, 'connect');
      socket.end(`${commands}\n`);
      let answer = '';
      for await (const chunk of socket) answer += chunk;
      return answer;
    } finally {
      socket.destroy();
    }
  };
}

// Writes HAProxy's configuration: the shoppers' balancer, and the fixed addresses of the stores' primaries.

interface BalancerTarget {
  name: string;
  port: number;
}

export interface StoreEndpoint {
  /** The name of the backend: "postgres", "redis". */
  name: string;
  port: number;
  members: BalancerTarget[];
  /** The member that gets the sessions; undefined: none. */
  leadsTo: string | undefined;
}

interface BalancerPlan {
  storefrontPort: number;
  host: string;
  origins: BalancerTarget[];
  /** Whether a cookie of the balancer keeps each shopper on one origin. */
  sticky: boolean;
  stores: StoreEndpoint[];
}

const adminSocket = 'admin.sock';

function renderBalancerConfig(plan: BalancerPlan): string {
  return [globalSection, storefront(plan), ...plan.stores.map(storeEndpoint)].join('\n');
}

const globalSection = `\
global
  maxconn 8000
  log stdout format raw local0 notice
  stats socket unix@${adminSocket} mode 600 level admin
  stats timeout 10s

defaults
  log global
  timeout connect 1s
  timeout check 1s
`;

// The balancer forwards a request once it has its body, so that a slow client takes no origin's capacity.
// Requests beyond an origin's capacity wait here, where they delay no health check. They are dropped if their client
// leaves.
// A connection that requests more pages than a person opens waits behind all others.
// Requests that hash passwords are slow by design. They have their own capacity, so that guessing passwords does not
// slow pages.
function storefront(plan: BalancerPlan): string {
  return `\
frontend storefront
  mode http
  bind ${plan.host}:${plan.storefrontPort}
  timeout client 75s
  timeout http-request 10s
  option http-buffer-request
  timeout http-keep-alive 60s
  option http-keep-alive
  option forwardfor
  stick-table type string len 64 size 100k expire 10s store http_req_rate(2s)
  http-request set-var(txn.port) src_port
  http-request track-sc0 src,concat(:,txn.port)
  http-request set-priority-class int(1) if { sc0_http_req_rate gt 20 }
  acl hashes_password path /sign-in /sign-up /reset-password /api/sessions /api/accounts
  acl hashes_password path_beg /api/password-resets/
  use_backend passwords if !METH_GET hashes_password
  default_backend origins

backend origins
${originsBackend(plan, (name) => `check${plan.sticky ? ` cookie ${name}` : ''} maxconn 100`)}
  option httpchk
  http-check send meth GET uri /readyz hdr Host localhost
  http-check expect status 200

backend passwords
${originsBackend(plan, (name) => `track origins/${name}${plan.sticky ? ` cookie ${name}` : ''} maxconn 20`)}
`;
}

// A request that no origin received, or that got no answer, goes to another origin. A write does so only if it has a
// key, because only then a repetition has no second effect.
// An origin answers within 3.5 s, so only a frozen one exceeds 15 s.
function originsBackend(plan: BalancerPlan, ofServer: (name: string) => string): string {
  const servers = plan.origins.map(
    ({ name, port }) => `  server ${name} 127.0.0.1:${port} ${ofServer(name)}`,
  );
  return `\
  mode http
  balance leastconn
  timeout server 15s
  timeout queue 4s
  option abortonclose
  default-server inter 300ms fastinter 150ms downinter 300ms fall 3 rise 1 on-marked-down shutdown-sessions
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response
  http-request disable-l7-retry unless METH_GET or { req.hdr(Idempotency-Key) -m found }
  http-error status 503 content-type text/plain string "The shop is busy or starting, please try again" hdr Retry-After 1 hdr Cache-Control no-store hdr X-Content-Type-Options nosniff hdr Referrer-Policy same-origin
${plan.sticky ? '  cookie balancer insert indirect nocache httponly\n' : ''}${servers.join('\n')}`;
}

function storeEndpoint(store: StoreEndpoint): string {
  const servers = store.members.map(
    ({ name, port }) => `  server ${name} 127.0.0.1:${port}${name === store.leadsTo ? '' : ' disabled'}\n`,
  );
  return `\
listen ${store.name}
  mode tcp
  bind 127.0.0.1:${store.port}
  timeout client 1h
  timeout server 1h
  option clitcpka
  option srvtcpka
  retries 0
${servers.join('')}`;
}
