// Runs HAProxy as a supervised process. Restarted, it has the same ports and targets.
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
   * No new requests for an origin, while those that it has come to their end: told by its health alone the balancer
   * would cut them. A
   * balancer that keeps shoppers on their origin goes by health all the same, as it would lead them there until the
   * end.
   */
  drain(origin: string): Promise<void>;
  /** Back in the round, as its health allows. */
  admit(origin: string): Promise<void>;
  /** @param url what clients of that store use. */
  endpoint(store: string, url: string): WriterEndpoint;
  stop(): Promise<void>;
}

/** @throws where HAProxy is neither here nor can be installed, in one sentence that says what to do. */
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

  // One that is dead just now comes back with all origins in the round.
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
        // If it is dead just now it comes back with the plan as it is now; asking again does no harm.
        await waitUntil(() => ask(commands.join('; ')).then(() => true), {
          what: 'the balancer to turn',
          deadlineMs: 10_000,
        });
      },
    }),
    stop: () => process.stop(),
  };
}

/** HAProxy's command line over its socket; several commands are separated by semicolons. */
function createAdmin(folder: string): (commands: string) => Promise<string> {
  const absolute = join(folder, adminSocket);
  // A socket's path may have about 100 letters; a descriptor of the folder makes any folder near.
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

// Writes HAProxy's configuration: the shoppers' balancer, and the fixed addresses that lead to the stores' primaries.

interface BalancerTarget {
  name: string;
  port: number;
}

export interface StoreEndpoint {
  /** Of the backend: "postgres", "redis". */
  name: string;
  port: number;
  members: BalancerTarget[];
  /** Who gets the sessions; undefined: nobody. */
  leadsTo: string | undefined;
}

interface BalancerPlan {
  storefrontPort: number;
  host: string;
  origins: BalancerTarget[];
  /** A cookie of the balancer's keeps each shopper on one origin. */
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

// Requests are passed on once their body is there, so that a slow client takes no origin's place. More than an origin
// has at work it answers later anyway, its health checks too: they wait here, and those whose shopper has left are
// dropped. A connection that asks for more pages than a person opens waits behind all others. What hashes a password
// is slow by design and has places of its own, so that guesses leave the places of pages free.
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

// A request that no origin received, or that it dropped without an answer, goes to another one; a write only if it
// bears a key, since only then a second arrival has no second effect. The longest answer of an origin is 3.5 s, so 15 s
// is for the frozen.
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
