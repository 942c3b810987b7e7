// Whether an internet-facing load balancer's subnets route to an internet gateway.
import { isMade, listAnswers } from '../answers.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { subnetsOf } from '../inventory/subnets.ts';
import type { LoadBalancerPart } from '../parts/part.ts';
import { isDeclared } from '../snapshot.ts';

/** The reason why not, or undefined where each subnet has the route (or routes were not asked for). */
export function missingInternetRoute(inventory: Inventory, part: LoadBalancerPart): string | undefined {
  if (!isMade(inventory.answers, 'ec2.DescribeRouteTables')) return undefined;
  const tables = listAnswers(inventory.answers, 'ec2', 'DescribeRouteTables', 'RouteTables').items;
  if (tables.length === 0) return undefined;
  const subnets = listAnswers(inventory.answers, 'ec2', 'DescribeSubnets', 'Subnets').items;
  for (const id of subnetsOf(inventory, part)) {
    const own = tables.find(({ Associations }) =>
      (Associations ?? []).some(({ SubnetId }) => SubnetId === id),
    );
    const vpcId = subnets.find(({ SubnetId }) => SubnetId === id)?.VpcId ?? part.raw.VpcId;
    const main = tables.find(
      (table) => table.VpcId === vpcId && (table.Associations ?? []).some(({ Main }) => Main === true),
    );
    const table = own ?? main;
    if (table === undefined) continue;
    const route = (table.Routes ?? []).find(
      ({ DestinationCidrBlock, GatewayId, State }) =>
        DestinationCidrBlock === '0.0.0.0/0' &&
        String(GatewayId ?? '').startsWith('igw-') &&
        State !== 'blackhole',
    );
    if (route === undefined && !hasGateway(inventory, table))
      return `subnet ${id} of ${part.name} has no route to an internet gateway`;
  }
  return undefined;
}

/** In a template a gateway has no `igw-` id yet. */
function hasGateway(
  inventory: Inventory,
  table: { Routes?: { DestinationCidrBlock?: string | undefined; GatewayId?: unknown }[] | undefined },
): boolean {
  if (!isDeclared(inventory.mode)) return false;
  return (table.Routes ?? []).some(
    (route) => route.DestinationCidrBlock === '0.0.0.0/0' && route.GatewayId !== undefined,
  );
}
