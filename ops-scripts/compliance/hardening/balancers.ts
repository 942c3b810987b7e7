// Hardening of load balancers: TLS for clients, deletion protection, access logs.
import type { Action, Listener } from '@aws-sdk/client-elastic-load-balancing-v2';
import { listAnswers } from '../answers.ts';
import type { Verdict } from '../findings.ts';
import { chooseFix } from '../fixes/write-fix.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { LoadBalancerPart } from '../parts/part.ts';
import type { Context, Control } from '../rules/control.ts';
import { known, knownList, knownOrAbsent, knownText, UnknownError } from '../unknown.ts';

type Judgement = Pick<Control, 'needs' | 'consults'> & {
  judge(context: Context, part: LoadBalancerPart, verdict: Verdict): void;
};

export const clientTls: Judgement = {
  needs: ['elbv2.DescribeLoadBalancers', 'elbv2.DescribeListeners'],
  consults: ['elbv2.DescribeRules'],
  judge({ inventory }, { id, name }, verdict) {
    const listed = listAnswers(inventory.answers, 'elbv2', 'DescribeListeners', 'Listeners', id);
    listed.unknownReasons.forEach(verdict.unknown);
    const own = listed.items.filter(({ LoadBalancerArn }) => LoadBalancerArn === id);
    let encrypted = 0;
    for (const listener of own) {
      verdict.attempt(() => {
        const protocol = knownText(listener.Protocol, `the protocol of a listener of ${name}`);
        const label = `listener ${String(listener.Port)} of ${name}`;
        if (protocol === 'HTTPS' || protocol === 'TLS') {
          encrypted += 1;
          judgePolicy(inventory, listener, label, verdict);
        } else if (protocol === 'HTTP') judgePlain(inventory, listener, label, verdict);
        else if (protocol === 'QUIC' || protocol === 'TCP_QUIC')
          verdict.pass(`${label} passes QUIC on, which is encrypted`);
        else
          verdict.unknown(
            `${label} passes ${protocol} on: whether that is TLS is known to the targets alone`,
          );
      });
    }
    const unread = own.some(({ Protocol }) => typeof Protocol !== 'string');
    const passedOn = own.some(({ Protocol }) => /TCP|UDP|QUIC/.test(String(Protocol)));
    if (encrypted === 0 && listed.unknownReasons.length === 0 && !unread && !passedOn)
      verdict.fail({ reason: `no listener of ${name} takes TLS` });
  },
};

/**
 * Returns the lowest TLS 1.x version that a policy accepts, by the policy's name. `2016-08`, the API's default, and
 * older policies accept TLS 1.0.
 * those before it take TLS 1.0.
 */
function leastVersion(policy: string): number | undefined {
  const [, minor] = /^ELBSecurityPolicy-(?:TLS13|TLS|FS)-1-([0-3])-/.exec(policy) ?? [];
  if (minor !== undefined) return Number(minor);
  return /^ELBSecurityPolicy-(FS-2018-06|201[0-6]-\d\d)$/.test(policy) ? 0 : undefined;
}

function judgePolicy(inventory: Inventory, listener: Listener, label: string, verdict: Verdict): void {
  const policy = knownText(listener.SslPolicy, `the security policy of ${label}`);
  const least = leastVersion(policy);
  if (least === undefined) verdict.unknown(`which TLS ${policy} of ${label} takes is not known`);
  else if (least >= 2) verdict.pass(`${label} takes TLS 1.${least} and newer`);
  else
    verdict.fail({
      reason: `${label} takes TLS 1.${least} (${policy}), at least 1.2 is needed`,
      fix: chooseFix(inventory, {
        command: `aws elbv2 modify-listener --listener-arn ${listener.ListenerArn} --ssl-policy ELBSecurityPolicy-TLS13-1-2-2021-06`,
        template: `set SslPolicy of ${listener.ListenerArn} to ELBSecurityPolicy-TLS13-1-2-2021-06`,
      }),
    });
}

/** Judges a listener without TLS. It may only redirect its clients to HTTPS or refuse them. */
function judgePlain(inventory: Inventory, listener: Listener, label: string, verdict: Verdict): void {
  const arn = knownText(listener.ListenerArn, `the ARN of ${label}`);
  const rules = listAnswers(inventory.answers, 'elbv2', 'DescribeRules', 'Rules', arn);
  if (!rules.absent) rules.unknownReasons.forEach(verdict.unknown);
  const actions = [
    ...knownList(listener.DefaultActions, `actions of ${label}`),
    ...(rules.absent ? [] : rules.items).flatMap((rule) => knownList(rule.Actions, `actions of ${label}`)),
  ];
  if (actions.length === 0) throw new UnknownError(`actions of ${label} are not in the answer`);
  const plain = actions.filter((action) => servesPlain(action, label));
  if (plain.length === 0) {
    verdict.pass(`${label} sends its clients to HTTPS`);
    return;
  }
  verdict.fail({
    reason: `${label} serves its clients without TLS (${[...new Set(plain.map(({ Type }) => Type))].join(', ')})`,
    fix: chooseFix(inventory, {
      command: `aws elbv2 modify-listener --listener-arn ${arn} --default-actions 'Type=redirect,RedirectConfig={Protocol=HTTPS,Port=443,StatusCode=HTTP_301}'`,
      template: `let DefaultActions of ${arn} redirect to HTTPS on port 443`,
    }),
  });
}

function servesPlain(action: Action, label: string): boolean {
  const type = known(action.Type, `an action of ${label}`);
  if (type === 'fixed-response') return false;
  if (type !== 'redirect') return true;
  const redirect = known(action.RedirectConfig, `where ${label} redirects to`);
  // The default `#{protocol}` keeps the protocol of the request.
  const protocol = knownOrAbsent(redirect.Protocol, `the protocol that ${label} redirects to`);
  return protocol !== 'HTTPS';
}

const attributeCalls = {
  needs: ['elbv2.DescribeLoadBalancers', 'elbv2.DescribeLoadBalancerAttributes'],
  consults: [],
};

export const protectedBalancers: Judgement = {
  ...attributeCalls,
  judge({ inventory }, part, verdict) {
    requireAttribute(inventory, part, verdict, {
      key: 'deletion_protection.enabled',
      good: `${part.name} is protected from deletion`,
      bad: `${part.name} can be deleted by one call`,
    });
  },
};

export const balancerLogs: Judgement = {
  ...attributeCalls,
  judge({ inventory }, part, verdict) {
    requireAttribute(inventory, part, verdict, {
      key: 'access_logs.s3.enabled',
      good: `requests to ${part.name} are logged`,
      bad: `requests to ${part.name} are not logged`,
      more: ' Key=access_logs.s3.bucket,Value=<bucket>',
    });
  },
};

function requireAttribute(
  inventory: Inventory,
  { id, name }: LoadBalancerPart,
  verdict: Verdict,
  { key, good, bad, more = '' }: { key: string; good: string; bad: string; more?: string },
): void {
  verdict.attempt(() => {
    const listed = listAnswers(
      inventory.answers,
      'elbv2',
      'DescribeLoadBalancerAttributes',
      'Attributes',
      id,
    );
    const found = listed.items.find(({ Key }) => Key === key);
    if (found === undefined)
      throw new UnknownError(listed.unknownReasons[0] ?? `${key} of ${name} is not in the answer`);
    const value = knownText(found.Value, `${key} of ${name}`);
    if (value === 'true') verdict.pass(good);
    else
      verdict.fail({
        reason: bad,
        fix: chooseFix(inventory, {
          command: `aws elbv2 modify-load-balancer-attributes --load-balancer-arn ${id} --attributes Key=${key},Value=true${more}`,
          template: `set ${key} in LoadBalancerAttributes of ${name} to true`,
        }),
      });
  });
}
