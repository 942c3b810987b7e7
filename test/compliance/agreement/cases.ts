// The case table. Each line is one way in which an account is wrong (or right), with the expected verdict.
import {
  app,
  type Case,
  data,
  everyone,
  is,
  openings,
  passes,
  places,
  soundOpenings,
  soundPlaces,
  store,
  web,
} from './openings.ts';

export const misconfigured: Case[] = [
  is('a balancer in one zone', 'elb-multi-az', (s) => s.place('balancer', ['a'])),
  is('a balancer twice in one zone', 'elb-multi-az', (s) => s.place('balancer', ['b', 'b'])),
  is('a group in one zone', 'asg-multi-az', (s) => s.place('group', ['a'])),
  is('a group of at least one', 'asg-multi-az', (s) => s.resize(1)),
  is('a group of at least none', 'asg-multi-az', (s) => s.resize(0)),
  is('a group in a zone that the balancer has not', 'asg-multi-az', (s) => s.place('group', ['a', 'c'])),
  is('a cache without Multi-AZ', 'cache-multi-az', (s) => s.cache({ multiAz: false })),
  is('a cache without failover', 'cache-multi-az', (s) => s.cache({ failover: false, multiAz: false })),
  is('cache replicas in one zone, Multi-AZ on', 'cache-multi-az', (s) => s.cache({ zones: ['a', 'a'] })),
  is('a cache of one node', 'cache-multi-az', (s) => s.cache({ zones: ['a'] })),
  is('three cache nodes in one zone', 'cache-multi-az', (s) => s.cache({ zones: ['c', 'c', 'c'] })),
  is('a database without Multi-AZ', 'database-multi-az', (s) => s.database({ multiAz: false })),

  is('the balancer open on SSH as well', web, (s) => s.allow('web', { from: 22, cidr: everyone })),
  is('80 to 443 as one range', web, (s) => s.allow('web', { from: 80, to: 443, cidr: everyone })),
  is('the balancer open on everything', web, (s) =>
    s.allow('web', { from: 0, protocol: '-1', cidr: everyone }),
  ),
  is('port 80 closed', web, (s) => s.close('web', 80)),
  is('port 443 closed', web, (s) => s.close('web', 443)),
  is('443 open to half of the internet', web, (s) => {
    s.close('web', 443);
    s.allow('web', { from: 443, cidr: '0.0.0.0/1' });
  }),
  is('443 open to the VPC only', web, (s) => {
    s.close('web', 443);
    s.allow('web', { from: 443, cidr: '10.0.0.0/16' });
  }),
  is('8080 open through two halves', web, (s) => {
    s.allow('web', { from: 8080, cidr: '0.0.0.0/1' });
    s.allow('web', { from: 8080, cidr: '128.0.0.0/1' });
  }),
  is('8443 open in a second group of the balancer', web, (s) => {
    s.allow('other', { from: 8443, cidr: everyone });
    s.attach('balancer', ['web', 'other']);
  }),
  is('UDP 443 open to everyone', web, (s) => s.allow('web', { from: 443, protocol: 'udp', cidr: everyone })),

  is('instances open to everyone', app, (s) => s.allow('app', { from: 3000, cidr: everyone })),
  is('instances open to everyone in halves', app, (s) => {
    s.allow('app', { from: 3000, cidr: '0.0.0.0/1' });
    s.allow('app', { from: 3000, cidr: '128.0.0.0/1' });
  }),
  is('instances open to all of IPv6', app, (s) => s.allow('app', { from: 3000, cidrIpv6: '::/0' })),
  is('instances open to global IPv6', app, (s) => s.allow('app', { from: 3000, cidrIpv6: '2000::/3' })),
  is('instances open to their VPC', app, (s) => s.allow('app', { from: 3000, cidr: '10.0.0.0/16' })),
  is('instances open on SSH', app, (s) => s.allow('app', { from: 22, cidr: everyone })),
  is('instances open on every port to the balancer', app, (s) =>
    s.allow('app', { from: 0, protocol: '-1', group: 'web' }),
  ),
  is('instances open on more ports to the balancer', app, (s) =>
    s.allow('app', { from: 3000, to: 4000, group: 'web' }),
  ),
  is('instances open to one another', app, (s) => s.allow('app', { from: 3000, group: 'app' })),
  is('instances open through a prefix list', app, (s) =>
    s.allow('app', { from: 3000, prefixList: ['0.0.0.0/1', '128.0.0.0/1'] }),
  ),
  is('a bastion that has the balancer’s group', app, (s) => s.addMachine(['web'])),
  is('a second group on the instances', app, (s) => {
    s.allow('other', { from: 3000, cidr: everyone });
    s.attach('group', ['app', 'other']);
  }),
  is('instances open to a bastion’s group', app, (s) => {
    s.allow('app', { from: 22, group: 'other' });
    s.addMachine(['other']);
  }),

  is('a cache open to everyone', store, (s) => s.allow('store', { from: 6379, cidr: everyone })),
  is('a cache open to the VPC', store, (s) => s.allow('store', { from: 6379, cidr: '10.0.0.0/16' })),
  is('a cache open to one subnet', store, (s) => s.allow('store', { from: 6379, cidr: '10.0.1.0/24' })),
  is('a cache open to the balancer', store, (s) => s.allow('store', { from: 6379, group: 'web' })),
  is('a cache open to its own group', store, (s) => s.allow('store', { from: 6379, group: 'store' })),
  is('a cache open on every port', store, (s) => s.allow('store', { from: 0, to: 65535, group: 'app' })),
  is('a bastion that has the instances’ group, at the cache', store, (s) => s.addMachine(['app'])),
  is('a second group on the cache', store, (s) => {
    s.allow('other', { from: 6379, cidr: everyone });
    s.attach('cache', ['store', 'other']);
  }),
  is('a cache open through a prefix list', store, (s) =>
    s.allow('store', { from: 6379, prefixList: ['203.0.113.0/24'] }),
  ),

  is('a database open to everyone', data, (s) => s.allow('data', { from: 5432, cidr: everyone })),
  is('a database open to one address', data, (s) => s.allow('data', { from: 5432, cidr: '198.51.100.7/32' })),
  is('a database open to the VPC', data, (s) => s.allow('data', { from: 5432, cidr: '10.0.0.0/8' })),
  is('a database open to the balancer', data, (s) => s.allow('data', { from: 5432, group: 'web' })),
  is('a database open to its own group', data, (s) => s.allow('data', { from: 5432, group: 'data' })),
  is('a database open on everything to the group', data, (s) =>
    s.allow('data', { from: 0, protocol: '-1', group: 'app' }),
  ),
  is('a bastion that has the instances’ group, at the database', data, (s) => s.addMachine(['app', 'other'])),
  is('a second group on the database', data, (s) => {
    s.allow('other', { from: 5432, cidrIpv6: '::/0' });
    s.attach('database', ['data', 'other']);
  }),
  is(
    'a database open to a group that is not known',
    data,
    (s) => s.allow('data', { from: 5432, group: 'sg-elsewhere' }),
    'unknown',
  ),
  is(
    'a cache open to a group that is not known',
    store,
    (s) => s.allow('store', { from: 6379, group: 'sg-elsewhere' }),
    'unknown',
  ),

  is('a cache that the instances cannot reach', 'chain-connects', (s) => s.close('store', 6379)),
  is('a database that the instances cannot reach', 'chain-connects', (s) => s.close('data', 5432)),
  is('instances that the balancer cannot reach', 'chain-connects', (s) => s.close('app', 3000)),
  is('a database that listens elsewhere', 'chain-connects', (s) => s.database({ port: 5433 })),
  ...openings,
  ...places,
];

/** Hardening: each property is set to the insecure value. */
export const softened: Case[] = [
  is('a public database', 'database-not-public', (s) => s.harden({ database: { public: true } })),
  is('a database that is not encrypted', 'encrypted-at-rest', (s) =>
    s.harden({ database: { encrypted: false } }),
  ),
  is('a cache that is not encrypted', 'encrypted-at-rest', (s) => s.harden({ cache: { encrypted: false } })),
  is('a listener that forwards without TLS', 'tls-for-clients', (s) =>
    s.harden({ balancer: { plain: true } }),
  ),
  ...[
    'ELBSecurityPolicy-2016-08',
    'ELBSecurityPolicy-TLS-1-1-2017-01',
    'ELBSecurityPolicy-TLS13-1-0-2021-06',
  ].map((policy) => is(`TLS by ${policy}`, 'tls-for-clients', (s) => s.harden({ balancer: { policy } }))),
  is(
    'TLS by a policy that nobody knows',
    'tls-for-clients',
    (s) => s.harden({ balancer: { policy: 'own' } }),
    'unknown',
  ),
  is('no listener for TLS', 'tls-for-clients', (s) => s.listen([80])),
  is('a cache without TLS', 'cache-tls-and-auth', (s) => s.harden({ cache: { tls: false } })),
  is('a cache that takes TLS and plain clients', 'cache-tls-and-auth', (s) =>
    s.harden({ cache: { mode: 'preferred' } }),
  ),
  is('a cache without a token', 'cache-tls-and-auth', (s) => s.harden({ cache: { token: false } })),
  is('a database without backups', 'backups-kept', (s) => s.harden({ database: { backupDays: 0 } })),
  is('backups of six days', 'backups-kept', (s) => s.harden({ database: { backupDays: 6 } })),
  is('a database that can be deleted', 'deletion-protected', (s) =>
    s.harden({ database: { isProtected: false } }),
  ),
  is('a balancer that can be deleted', 'deletion-protected', (s) =>
    s.harden({ balancer: { isProtected: false } }),
  ),
  is('instances that take IMDSv1', 'imdsv2-only', (s) => s.harden({ tokens: 'optional' })),
  is('a balancer without access logs', 'logs-kept', (s) => s.harden({ balancer: { logs: false } })),
  is('a database without logs', 'logs-kept', (s) => s.harden({ database: { logs: [] } })),
  is('a database whose errors are not logged', 'logs-kept', (s) =>
    s.harden({ database: { logs: ['upgrade'] } }),
  ),
];

export const hardened: Case[] = [
  passes('backups of a week', 'backups-kept', (s) => s.harden({ database: { backupDays: 7 } })),
  passes('TLS 1.3 alone', 'tls-for-clients', (s) =>
    s.harden({ balancer: { policy: 'ELBSecurityPolicy-TLS13-1-3-2021-06' } }),
  ),
  passes('TLS 1.2 with forward secrecy', 'tls-for-clients', (s) =>
    s.harden({ balancer: { policy: 'ELBSecurityPolicy-FS-1-2-Res-2020-10' } }),
  ),
  passes('TLS after quantum computers', 'tls-for-clients', (s) =>
    s.harden({ balancer: { policy: 'ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09' } }),
  ),
  passes('no listener on port 80', 'tls-for-clients', (s) => s.listen([443])),
  passes('more logs than asked for', 'logs-kept', (s) =>
    s.harden({ database: { logs: ['upgrade', 'postgresql'] } }),
  ),
];

export const sound: Case[] = [
  passes('the sound stack, its balancer', web, () => {}),
  passes('three zones', 'elb-multi-az', (s) => s.place('balancer', ['a', 'b', 'c'])),
  passes('a group in two of the balancer’s three zones', 'asg-multi-az', (s) => {
    s.place('balancer', ['a', 'b', 'c']);
    s.place('group', ['b', 'c']);
  }),
  passes('a larger group', 'asg-multi-az', (s) => s.resize(3)),
  passes('three cache nodes in three zones', 'cache-multi-az', (s) => s.cache({ zones: ['a', 'b', 'c'] })),
  passes('three cache nodes in two zones', 'cache-multi-az', (s) => s.cache({ zones: ['a', 'b', 'b'] })),
  passes('a database in three zones', 'database-multi-az', (s) => s.place('database', ['a', 'b', 'c'])),
  passes('443 open through two halves', web, (s) => {
    s.close('web', 443);
    s.allow('web', { from: 443, cidr: '0.0.0.0/1' });
    s.allow('web', { from: 443, cidr: '128.0.0.0/1' });
  }),
  passes('a rule twice', app, (s) => s.allow('app', { from: 3000, group: 'web' })),
  passes('a second group that opens nothing', app, (s) => s.attach('group', ['app', 'other'])),
  passes('a machine beside the stack', data, (s) => s.addMachine(['other'])),
  passes('an open group that is attached to nothing', store, (s) =>
    s.allow('other', { from: 6379, cidr: everyone }),
  ),
  passes('a cache on another port', store, (s) => {
    s.cache({ port: 6380 });
    s.close('store', 6379);
    s.allow('store', { from: 6380, group: 'app' });
  }),
  passes('a database on another port', 'chain-connects', (s) => {
    s.database({ port: 3306 });
    s.close('data', 5432);
    s.allow('data', { from: 3306, group: 'app' });
  }),
  passes('the sound stack, its chain', 'chain-connects', () => {}),
  ...soundOpenings,
  ...soundPlaces,
];
