// Judges listeners on ports 80 and 443: they decide where there is no security group, else they only warn.
import { isMade, listAnswers } from '../answers.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { readCidr } from '../network/cidr.ts';
import type { LoadBalancerPart } from '../parts/part.ts';
import { internetName } from '../reach/internet-path.ts';
import { isUnknownValue } from '../snapshot.ts';
import { known } from '../unknown.ts';
import type { Verdict } from '../verdict.ts';

export const webPorts = [80, 443];

/** Without security groups, as a network load balancer may be, its listeners alone decide what is open. */
export function judgeListeners(inventory: Inventory, { id, name }: LoadBalancerPart, verdict: Verdict): void {
  const listed = listAnswers(inventory.answers, 'elbv2', 'DescribeListeners', 'Listeners', id);
  listed.unknownReasons.forEach(verdict.unknown);
  const ports = new Set<number>();
  for (const { Port, Protocol } of listed.items.filter(({ LoadBalancerArn }) => LoadBalancerArn === id)) {
    verdict.attempt(() => {
      const port = Number(known(Port, `the port of a listener of ${name}`));
      const protocol = String(known(Protocol, `the protocol of listener ${port} of ${name}`));
      const byUdp = /UDP|QUIC/.test(protocol);
      if (protocol !== 'UDP' && protocol !== 'QUIC') ports.add(port);
      if (webPorts.includes(port) && !byUdp) return;
      verdict.fail({
        reason: `${name} listens on ${port}${byUdp ? ` by ${protocol}` : ''} and has no security group`,
        path: () => [internetName(readCidr('0.0.0.0/0')), `listener ${port}`, `load balancer ${name}`],
      });
    });
  }
  const whole = listed.unknownReasons.length === 0 && listed.items.every(({ Port }) => !isUnknownValue(Port));
  for (const port of webPorts.filter((each) => whole && !ports.has(each)))
    verdict.fail({ reason: `nothing listens on ${port}` });
  if (webPorts.every((port) => ports.has(port)))
    verdict.pass('listens on 80 and 443 without a security group');
}

/** Nobody is let in to a port on which nothing listens: no failure, and worth a word. */
export function warnOfListeners(inventory: Inventory, id: string, verdict: Verdict): void {
  if (!isMade(inventory.answers, 'elbv2.DescribeListeners')) return;
  const listed = listAnswers(inventory.answers, 'elbv2', 'DescribeListeners', 'Listeners', id);
  const ports = listed.items.filter(({ LoadBalancerArn }) => LoadBalancerArn === id).map(({ Port }) => Port);
  for (const port of webPorts)
    if (!ports.includes(port)) verdict.warn(`port ${port} is open and nothing listens on it`);
}
