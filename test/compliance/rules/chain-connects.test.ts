// From the listener to the stores: what stops a request fails, what may only stop it is a warning.
import { expect, test } from 'vitest';
import { soundStack } from '../support/sound-stack.ts';
import { answerOf, findingOf } from '../support/spoil.ts';

const chain = 'chain-connects';

test('a load balancer in subnets without a route to an internet gateway is warned of, and passes', () => {
  const snapshot = soundStack();
  answerOf(snapshot, 'ec2', 'DescribeRouteTables').RouteTables = [
    {
      VpcId: 'vpc-1',
      Associations: [{ Main: true }],
      Routes: [{ DestinationCidrBlock: '10.0.0.0/16', GatewayId: 'local' }],
    },
  ];
  const finding = findingOf(snapshot, chain);
  expect(finding.status).toBe('pass');
  expect(finding.warnings).toEqual(['subnet subnet-public-0 of shop has no route to an internet gateway']);
});
