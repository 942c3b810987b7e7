// Reads every part of the account, selected or not, because any of them may have a source group.
import { type Answers, type Listed, listAnswers } from '../answers.ts';
import { knownText } from '../unknown.ts';
import { readAutoScalingGroup } from './auto-scaling-group.ts';
import { readCaches } from './cache.ts';
import { readDatabases, readProxies } from './database.ts';
import {
  type AutoScalingGroupPart,
  type CachePart,
  type DatabasePart,
  declaredGroups,
  type LoadBalancerPart,
  type ProxyPart,
  readEach,
  readGroups,
  textOr,
} from './part.ts';

export interface Parts {
  'load-balancer': Listed<LoadBalancerPart>;
  'auto-scaling-group': Listed<AutoScalingGroupPart>;
  cache: Listed<CachePart>;
  database: Listed<DatabasePart>;
  proxies: Listed<ProxyPart>;
}

export function readParts(answers: Answers): Parts {
  const balancers = listAnswers(answers, 'elbv2', 'DescribeLoadBalancers', 'LoadBalancers');
  const scaling = listAnswers(answers, 'autoscaling', 'DescribeAutoScalingGroups', 'AutoScalingGroups');
  return {
    'load-balancer': readEach(balancers, (raw) => {
      const id = knownText(raw.LoadBalancerArn, 'the ARN of a load balancer');
      const name = textOr(raw.LoadBalancerName, id);
      // Only an application load balancer must have security groups.
      const mayHaveNone = raw.Type === 'network' || raw.Type === 'gateway';
      const attached = readGroups(() =>
        mayHaveNone && isNone(raw.SecurityGroups) ? [] : declaredGroups(raw.SecurityGroups, name, (id) => id),
      );
      return { kind: 'load-balancer', id, name, raw, ...attached };
    }),
    'auto-scaling-group': readEach(scaling, (raw) => readAutoScalingGroup(answers, raw)),
    cache: readCaches(answers),
    database: readDatabases(answers),
    proxies: readProxies(answers),
  };
}

function isNone(list: unknown): boolean {
  return list === undefined || list === null || (Array.isArray(list) && list.length === 0);
}

export function noParts(): Parts {
  const none = { items: [], unknownReasons: [], absent: true };
  return { 'load-balancer': none, 'auto-scaling-group': none, cache: none, database: none, proxies: none };
}
