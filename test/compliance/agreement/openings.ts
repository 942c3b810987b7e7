// Part of the case table: rules that open too much on each of the four parts, and rules that are right.
import type { GroupName, Opening, Stack } from '../support/stack.ts';

type Status = 'pass' | 'fail' | 'unknown';

export interface Case {
  name: string;
  change: (stack: Stack) => void;
  control: string;
  expected: Status;
}

export function is(name: string, control: string, change: Case['change'], expected: Status = 'fail'): Case {
  return { name, control, change, expected };
}

export function passes(name: string, control: string, change: Case['change']): Case {
  return is(name, control, change, 'pass');
}

export const web = 'elb-open-to-web';
export const app = 'asg-only-from-elb';
export const store = 'cache-only-from-asg';
export const data = 'database-only-from-asg';
export const everyone = '0.0.0.0/0';

const opened =
  (group: GroupName, ...openings: Opening[]): Case['change'] =>
  (stack) => {
    for (const opening of openings) stack.allow(group, opening);
  };

/** Another source, on one port of a part that only one group should reach. */
const from = (port: number, opening: Partial<Opening>): Opening => ({ from: port, ...opening });

const closedAndOpened =
  (group: GroupName, port: number, ...openings: Opening[]): Case['change'] =>
  (stack) => {
    stack.close(group, port);
    opened(group, ...openings)(stack);
  };

const halves = [{ cidr: '0.0.0.0/1' }, { cidr: '128.0.0.0/1' }];
const threeQuarters = ['0.0.0.0/2', '64.0.0.0/2', '128.0.0.0/2'].map((cidr) => ({ cidr }));

export const openings: Case[] = [
  is('443 closed to a quarter of the internet', web, (s) =>
    closedAndOpened('web', 443, ...threeQuarters.map((each) => from(443, each)))(s),
  ),
  is('80 open to IPv6 alone', web, closedAndOpened('web', 80, from(80, { cidrIpv6: '::/0' }))),
  is('443 open to a prefix list of half of the internet', web, (s) =>
    closedAndOpened('web', 443, from(443, { prefixList: ['0.0.0.0/1'] }))(s),
  ),
  is(
    '443 open to the balancer’s own group alone',
    web,
    closedAndOpened('web', 443, from(443, { group: 'web' })),
  ),
  is('443 open to everyone with its neighbour', web, opened('web', { from: 443, to: 444, cidr: everyone })),
  is('the balancer open on every TCP port', web, opened('web', { from: 0, to: 65_535, cidr: everyone })),
  is('the balancer open on SSH to one address', web, opened('web', from(22, { cidr: '198.51.100.7/32' }))),
  is('the balancer open on SSH to IPv6', web, opened('web', from(22, { cidrIpv6: '::/0' }))),
  is('the balancer open on 8080 to the instances', web, opened('web', from(8080, { group: 'app' }))),
  is(
    'the balancer open on 8080 to a prefix list',
    web,
    opened('web', from(8080, { prefixList: ['203.0.113.0/24'] })),
  ),
  is('UDP 80 open to the VPC', web, opened('web', from(80, { protocol: 'udp', cidr: '10.0.0.0/16' }))),
  is('79 to 80 as one range', web, opened('web', { from: 79, to: 80, cidr: everyone })),
  is(
    'the balancer open on 8080 to a group that is not known',
    web,
    opened('web', from(8080, { group: 'sg-elsewhere' })),
    'unknown',
  ),

  is('instances open to one address', app, opened('app', from(3000, { cidr: '198.51.100.7/32' }))),
  is('instances open to the balancer’s subnet', app, opened('app', from(3000, { cidr: '10.0.0.0/24' }))),
  is('instances open to one IPv6 address', app, opened('app', from(3000, { cidrIpv6: '2001:db8::1/128' }))),
  is('instances open to the cache', app, opened('app', from(3000, { group: 'store' }))),
  is('instances open to the database', app, opened('app', from(3000, { group: 'data' }))),
  is('instances open on SSH to one another', app, opened('app', from(22, { group: 'app' }))),
  is('instances open to the balancer on another port too', app, opened('app', from(3001, { group: 'web' }))),
  is(
    'instances open to the balancer by UDP',
    app,
    opened('app', from(3000, { protocol: 'udp', group: 'web' })),
  ),
  is(
    'instances open to the balancer on every TCP port',
    app,
    opened('app', { from: 0, to: 65_535, group: 'web' }),
  ),
  is(
    'instances open to everyone on every port',
    app,
    opened('app', { from: 0, protocol: '-1', cidr: everyone }),
  ),
  is(
    'instances open through a prefix list of one address',
    app,
    opened('app', from(3000, { prefixList: ['203.0.113.9/32'] })),
  ),
  is('a second group that opens SSH to the VPC', app, (s) => {
    s.allow('other', from(22, { cidr: '10.0.0.0/16' }));
    s.attach('group', ['app', 'other']);
  }),
  is('a second group that lets in a bastion', app, (s) => {
    s.allow('other', from(22, { group: 'other' }));
    s.attach('group', ['app', 'other']);
  }),
  is('a machine with the groups of balancer and instances', app, (s) => s.addMachine(['app', 'web'])),
  is(
    'instances open to a group that is not known',
    app,
    opened('app', from(3000, { group: 'sg-elsewhere' })),
    'unknown',
  ),

  is('a cache open to all of IPv6', store, opened('store', from(6379, { cidrIpv6: '::/0' }))),
  is('a cache open to everyone in halves', store, opened('store', ...halves.map((each) => from(6379, each)))),
  is('a cache open to global IPv6', store, opened('store', from(6379, { cidrIpv6: '2000::/3' }))),
  is('a cache open to one address', store, opened('store', from(6379, { cidr: '198.51.100.7/32' }))),
  is('a cache open to the database', store, opened('store', from(6379, { group: 'data' }))),
  is('a cache open on its neighbour’s port', store, opened('store', { from: 6379, to: 6380, group: 'app' })),
  is(
    'a cache open on everything to the group',
    store,
    opened('store', { from: 0, protocol: '-1', group: 'app' }),
  ),
  is('a cache open to a bastion', store, (s) => {
    s.allow('store', from(6379, { group: 'other' }));
    s.addMachine(['other']);
  }),
  is('a cache whose second group lets in the balancer', store, (s) => {
    s.allow('other', from(6379, { group: 'web' }));
    s.attach('cache', ['store', 'other']);
  }),

  is(
    'a database open to everyone in halves',
    data,
    opened('data', ...halves.map((each) => from(5432, each))),
  ),
  is('a database open to all of IPv6', data, opened('data', from(5432, { cidrIpv6: '::/0' }))),
  is('a database open to global IPv6', data, opened('data', from(5432, { cidrIpv6: '2000::/3' }))),
  is('a database open to one subnet', data, opened('data', from(5432, { cidr: '10.0.1.0/24' }))),
  is(
    'a database open through a prefix list',
    data,
    opened('data', from(5432, { prefixList: ['203.0.113.0/24'] })),
  ),
  is('a database open to the cache', data, opened('data', from(5432, { group: 'store' }))),
  is(
    'a database open on more ports to the group',
    data,
    opened('data', { from: 5430, to: 5440, group: 'app' }),
  ),
  is(
    'a database open on every TCP port to the group',
    data,
    opened('data', { from: 0, to: 65_535, group: 'app' }),
  ),
  is('a database open to a bastion', data, (s) => {
    s.allow('data', from(5432, { group: 'other' }));
    s.addMachine(['other']);
  }),
  is('a database whose second group opens a subnet', data, (s) => {
    s.allow('other', from(5432, { cidr: '10.0.2.0/24' }));
    s.attach('database', ['data', 'other']);
  }),

  is(
    'instances that listen to nobody but themselves',
    'chain-connects',
    closedAndOpened('app', 3000, from(3000, { group: 'app' })),
  ),
  is(
    'instances that the balancer reaches by UDP only',
    'chain-connects',
    closedAndOpened('app', 3000, from(3000, { protocol: 'udp', group: 'web' })),
  ),
  is(
    'a cache open on the port beside its own',
    'chain-connects',
    closedAndOpened('store', 6379, from(6380, { group: 'app' })),
  ),
  is(
    'a database open to a part of the addresses',
    'chain-connects',
    closedAndOpened('data', 5432, from(5432, { cidr: '10.0.9.0/24' })),
  ),
  is('a cache that listens elsewhere', 'chain-connects', (s) => s.cache({ port: 6380 })),
];

export const soundOpenings: Case[] = [
  passes('443 open through four quarters', web, (s) =>
    closedAndOpened(
      'web',
      443,
      ...[...threeQuarters, { cidr: '192.0.0.0/2' }].map((each) => from(443, each)),
    )(s),
  ),
  passes(
    '80 open through a prefix list of both halves',
    web,
    closedAndOpened('web', 80, from(80, { prefixList: ['0.0.0.0/1', '128.0.0.0/1'] })),
  ),
  passes('443 open to IPv6 as well', web, opened('web', from(443, { cidrIpv6: '::/0' }))),
  passes('443 open to everyone and to the VPC', web, opened('web', from(443, { cidr: '10.0.0.0/8' }))),
  passes('443 opened by a second group of the balancer', web, (s) => {
    s.close('web', 443);
    s.allow('other', from(443, { cidr: everyone }));
    s.attach('balancer', ['web', 'other']);
  }),
  passes(
    '8080 open to a group that is attached to nothing',
    web,
    opened('web', from(8080, { group: 'other' })),
  ),
  passes('a machine beside the stack, at the balancer', web, (s) => s.addMachine(['other'])),
  passes('a machine with the instances’ group, at the instances', app, (s) => s.addMachine(['app'])),
  passes('a machine beside the stack, at the instances', app, (s) => s.addMachine(['other'])),
  passes(
    'instances open to a group that is attached to nothing',
    app,
    opened('app', from(3000, { group: 'other' })),
  ),
  passes('instances opened by their second group', app, (s) => {
    s.close('app', 3000);
    s.allow('other', from(3000, { group: 'web' }));
    s.attach('group', ['app', 'other']);
  }),
  passes('instances that the balancer reaches by its second group', 'chain-connects', (s) => {
    closedAndOpened('app', 3000, from(3000, { group: 'other' }))(s);
    s.attach('balancer', ['web', 'other']);
  }),
  passes(
    'an open group that is attached to nothing, at the instances',
    app,
    opened('other', from(3000, { cidr: everyone })),
  ),
  passes(
    'a cache open to a group that is attached to nothing',
    store,
    opened('store', from(6379, { group: 'other' })),
  ),
  passes('a cache opened by its second group', store, (s) => {
    s.close('store', 6379);
    s.allow('other', from(6379, { group: 'app' }));
    s.attach('cache', ['store', 'other']);
  }),
  passes('a cache rule twice', store, opened('store', from(6379, { group: 'app' }))),
  passes('a machine with the cache’s group', store, (s) => s.addMachine(['store'])),
  passes(
    'a database open to a group that is attached to nothing',
    data,
    opened('data', from(5432, { group: 'other' })),
  ),
  passes('a database opened by its second group', data, (s) => {
    s.close('data', 5432);
    s.allow('other', from(5432, { group: 'app' }));
    s.attach('database', ['data', 'other']);
  }),
  passes('a machine with the database’s group', data, (s) => s.addMachine(['data'])),
  passes(
    'an open group that is attached to nothing, at the database',
    data,
    opened('other', from(5432, { cidr: everyone })),
  ),
  passes('a database on the port that its rule names', data, (s) => {
    s.database({ port: 3306 });
    closedAndOpened('data', 5432, from(3306, { group: 'app' }))(s);
  }),
  passes('a listener on 443 alone', 'chain-connects', (s) => s.listen([443])),
  passes(
    'a database open by its subnets’ addresses',
    'chain-connects',
    closedAndOpened('data', 5432, from(5432, { cidr: '10.0.0.0/16' })),
  ),
];

/** The zones of parts, and how many members they have. */
export const places: Case[] = [
  is('a group in three zones, one of which the balancer has not', 'asg-multi-az', (s) =>
    s.place('group', ['a', 'b', 'c']),
  ),
  is('a group of one in three zones', 'asg-multi-az', (s) => {
    for (const part of ['balancer', 'group'] as const) s.place(part, ['a', 'b', 'c']);
    s.resize(1);
  }),
  is('a balancer and a group that share one zone', 'asg-multi-az', (s) => s.place('balancer', ['a', 'c'])),
  is('cache nodes in one zone, beside a Multi-AZ flag without failover', 'cache-multi-az', (s) =>
    s.cache({ multiAz: false, failover: true, zones: ['a', 'a'] }),
  ),
  is('a cache in two zones without Multi-AZ', 'cache-multi-az', (s) =>
    s.cache({ multiAz: false, failover: true }),
  ),
  is('a database without standby in three zones', 'database-multi-az', (s) => {
    s.place('database', ['a', 'b', 'c']);
    s.database({ multiAz: false });
  }),
];

export const soundPlaces: Case[] = [
  passes('a balancer and a group in three zones', 'asg-multi-az', (s) => {
    for (const part of ['balancer', 'group'] as const) s.place(part, ['a', 'b', 'c']);
  }),
  passes('a group of many', 'asg-multi-az', (s) => s.resize(40)),
  passes('four cache nodes in two zones', 'cache-multi-az', (s) => s.cache({ zones: ['a', 'b', 'a', 'b'] })),
  passes('cache nodes in the other zones', 'cache-multi-az', (s) => s.cache({ zones: ['c', 'b'] })),
];
