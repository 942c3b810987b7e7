// Writes HAProxy's configuration: the shoppers' balancer, and the fixed addresses that lead to the stores' primaries.

export interface BalancerTarget {
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

export interface BalancerPlan {
  storefrontPort: number;
  host: string;
  origins: BalancerTarget[];
  /** A cookie of the balancer's keeps each shopper on one origin. */
  sticky: boolean;
  stores: StoreEndpoint[];
}

export const adminSocket = 'admin.sock';

export function renderBalancerConfig(plan: BalancerPlan): string {
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

// Requests are passed on once their body is there, so that a slow client takes no origin's place.
// A request that no origin received, or that it dropped without an answer, goes to another one; a write only if it
// bears a key, since only then a second arrival has no second effect. The longest answer of an origin is 3.5 s, so 15 s
// is for the frozen. More than an origin has at work it answers later anyway, its health checks too: they wait here,
// and those whose shopper has left are dropped.
function storefront(plan: BalancerPlan): string {
  const stick = plan.sticky ? '  cookie balancer insert indirect nocache httponly\n' : '';
  const servers = plan.origins.map(
    ({ name, port }) => `  server ${name} 127.0.0.1:${port} check${plan.sticky ? ` cookie ${name}` : ''}\n`,
  );
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
  default_backend origins

backend origins
  mode http
  balance leastconn
  timeout server 15s
  timeout queue 4s
  option abortonclose
  option httpchk
  http-check send meth GET uri /readyz hdr Host localhost
  http-check expect status 200
  default-server inter 300ms fastinter 150ms downinter 300ms fall 3 rise 1 maxconn 100 on-marked-down shutdown-sessions
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response
  http-request disable-l7-retry unless METH_GET or { req.hdr(Idempotency-Key) -m found }
  http-error status 503 content-type text/plain string "The shop is busy or starting, please try again" hdr Retry-After 1 hdr Cache-Control no-store hdr X-Content-Type-Options nosniff hdr Referrer-Policy same-origin
${stick}${servers.join('')}`;
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
