// elb-multi-az: a load balancer has nodes in at least two Availability Zones.
import { chooseFix } from '../fixes/write-fix.ts';
import { known, knownList } from '../unknown.ts';
import { defineControl, requireZones } from './control.ts';

export const elbMultiAz = defineControl({
  id: 'elb-multi-az',
  kind: 'load-balancer',
  title: 'The load balancer stands in at least two Availability Zones',
  why: 'A load balancer in one zone is gone with that zone, whatever stands behind it.',
  how: 'Counts the Availability Zones that are enabled on the load balancer. Local Zones, Wavelength Zones and Outposts do not count. A state other than active is unknown.',
  blind: 'Whether healthy targets stand in each zone, and DNS.',
  remedy: 'aws elbv2 set-subnets --load-balancer-arn ARN --subnets SUBNET-A SUBNET-B',
  references: [
    'https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-subnets.html',
  ],
  needs: ['elbv2.DescribeLoadBalancers'],
  consults: ['ec2.DescribeAvailabilityZones'],
  judge(context, { raw, id, name }, verdict) {
    verdict.attempt(() => {
      const state = known(raw.State?.Code, `the state of ${name}`);
      if (state === 'active_impaired') verdict.warn(`${name} is active_impaired: it cannot scale`);
      else if (state === 'failed') verdict.fail({ reason: `${name} is failed` });
      else if (state !== 'active') verdict.unknown(`${name} is ${state}`);
    });
    verdict.attempt(() => {
      const zones = knownList(raw.AvailabilityZones, `zones of ${name}`).filter(
        ({ OutpostId }) => !OutpostId,
      );
      const names = zones.map((zone) => known(zone.ZoneName, `a zone of ${name}`));
      requireZones(
        context,
        {
          what: 'enabled',
          names,
          fix: chooseFix(context.inventory, {
            command: `aws elbv2 set-subnets --load-balancer-arn ${id} --subnets ${zones.map(({ SubnetId }) => SubnetId).join(' ')} <a subnet in another zone>`,
            template: `add a subnet in another zone to Subnets of ${name}`,
          }),
        },
        verdict,
      );
    });
  },
});
