// Hardening of caches: encrypted at rest and in transit, and accessible only with authentication.
import { isMade, listAnswers } from '../answers.ts';
import type { Verdict } from '../findings.ts';
import { chooseFix } from '../fixes/write-fix.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { CachePart } from '../parts/part.ts';
import { type Context, type Control, knownSwitch } from '../rules/control.ts';
import { attempt, known, knownList, knownOrAbsent, knownText, UnknownError } from '../unknown.ts';

type Judgement = Pick<Control, 'needs' | 'consults'> & {
  judge(context: Context, part: CachePart, verdict: Verdict): void;
};

const calls = {
  needs: [],
  consults: [
    'elasticache.DescribeReplicationGroups',
    'elasticache.DescribeCacheClusters',
    'elasticache.DescribeServerlessCaches',
  ],
};

export const encryptedCaches: Judgement = {
  ...calls,
  judge({ inventory }, part, verdict) {
    const { name } = part;
    if (part.flavor === 'serverless') {
      verdict.pass(`${name} is serverless, and always encrypted at rest`);
      return;
    }
    verdict.attempt(() => {
      const { AtRestEncryptionEnabled } = part.raw;
      if (knownSwitch(AtRestEncryptionEnabled, `AtRestEncryptionEnabled of ${name}`))
        verdict.pass(`${name} is encrypted at rest`);
      else
        verdict.fail({
          reason: `${name} is not encrypted at rest`,
          fix: chooseFix(inventory, {
            command: `aws elasticache create-replication-group --replication-group-id ${name}-encrypted --replication-group-description ${name} --at-rest-encryption-enabled # and move to it: a cache that stands stays as it is`,
            template: `set AtRestEncryptionEnabled of ${name} to true (this replaces it)`,
          }),
        });
    });
  },
};

export const cacheAccess: Judgement = {
  needs: [],
  consults: [...calls.consults, 'elasticache.DescribeUserGroups', 'elasticache.DescribeUsers'],
  judge({ inventory }, part, verdict) {
    verdict.attempt(() => judgeTransit(inventory, part, verdict));
    verdict.attempt(() => judgeAuthentication(inventory, part, verdict));
  },
};

function judgeTransit(inventory: Inventory, part: CachePart, verdict: Verdict): void {
  const { name } = part;
  if (part.flavor === 'serverless') {
    verdict.pass(`${name} is serverless, and takes TLS only`);
    return;
  }
  const fix = chooseFix(inventory, {
    command: `aws elasticache modify-replication-group --replication-group-id ${name} --transit-encryption-enabled --transit-encryption-mode required --apply-immediately`,
    template: `set TransitEncryptionEnabled of ${name} to true, and TransitEncryptionMode to required`,
  });
  const enabled = knownSwitch(part.raw.TransitEncryptionEnabled, `TransitEncryptionEnabled of ${name}`);
  // Some engines only know the mode `required`, and their answers leave the mode out.
  const mode =
    knownOrAbsent(part.raw.TransitEncryptionMode, `TransitEncryptionMode of ${name}`) ?? 'required';
  if (!enabled) verdict.fail({ reason: `${name} speaks without TLS`, fix });
  else if (mode === 'preferred') verdict.fail({ reason: `${name} takes clients without TLS too`, fix });
  else if (mode === 'required') verdict.pass(`${name} takes TLS only`);
  else throw new UnknownError(`TransitEncryptionMode of ${name} is '${mode}'`);
}

function judgeAuthentication(inventory: Inventory, part: CachePart, verdict: Verdict): void {
  const { name } = part;
  const fix = chooseFix(inventory, {
    command:
      part.flavor === 'serverless'
        ? `aws elasticache modify-serverless-cache --serverless-cache-name ${name} --user-group-id <user group>`
        : `aws elasticache modify-replication-group --replication-group-id ${name} --auth-token <token> --auth-token-update-strategy SET --apply-immediately`,
    template: `give ${name} an AuthToken or UserGroupIds`,
  });
  const userGroups = () =>
    part.flavor === 'serverless'
      ? [knownOrAbsent(part.raw.UserGroupId, `the user group of ${name}`)].filter((id) => id !== undefined)
      : part.flavor === 'cluster'
        ? []
        : knownList(part.raw.UserGroupIds, `user groups of ${name}`);
  // A serverless cache has users and no token.
  const needsToken =
    part.flavor !== 'serverless' &&
    attempt(
      () => knownSwitch(part.raw.AuthTokenEnabled, `AuthTokenEnabled of ${name}`),
      () => undefined,
    );
  if (needsToken === true) {
    verdict.pass(`clients of ${name} need a token`);
    return;
  }
  const groups = userGroups();
  if (groups.length === 0) {
    if (part.flavor !== 'serverless') knownSwitch(part.raw.AuthTokenEnabled, `AuthTokenEnabled of ${name}`);
    verdict.fail({ reason: `whoever reaches ${name} may use it: it asks for no token or user`, fix });
    return;
  }
  for (const group of groups)
    judgeUserGroup(inventory, { name, group: knownText(group, 'a user group'), verdict });
}

/**
 * Fails for a user without a password, such as the default user as ElastiCache creates it: anybody can connect as that
 * user.
 */
function judgeUserGroup(
  inventory: Inventory,
  { name, group, verdict }: { name: string; group: string; verdict: Verdict },
): void {
  const { answers } = inventory;
  if (!isMade(answers, 'elasticache.DescribeUserGroups') || !isMade(answers, 'elasticache.DescribeUsers')) {
    verdict.pass(`clients of ${name} need a user of ${group}`);
    verdict.warn(`whether each user of ${group} has a password was not asked`);
    return;
  }
  const groups = listAnswers(answers, 'elasticache', 'DescribeUserGroups', 'UserGroups');
  const users = listAnswers(answers, 'elasticache', 'DescribeUsers', 'Users');
  const found = groups.items.find(({ UserGroupId }) => UserGroupId === group);
  if (found === undefined)
    throw new UnknownError(groups.unknownReasons[0] ?? `user group ${group} is not in any answer`);
  const ids = knownList(found.UserIds, `users of ${group}`);
  if (ids.length === 0) throw new UnknownError(`users of ${group} are not in the answer`);
  for (const id of ids) {
    verdict.attempt(() => {
      const user = users.items.find(({ UserId }) => UserId === id);
      if (user === undefined)
        throw new UnknownError(users.unknownReasons[0] ?? `user ${id} of ${group} is not in any answer`);
      const type = knownOrAbsent(user.Authentication, `the authentication of ${id}`)?.Type;
      const access = knownOrAbsent(user.AccessString, `the access of ${id}`);
      if (/^\s*off\b/.test(access ?? '')) verdict.pass(`user ${id} of ${group} is off`);
      else if (type === 'password' || type === 'iam') verdict.pass(`user ${id} of ${group} authenticates`);
      else if (known(type, `how user ${id} of ${group} authenticates`) === 'no-password')
        verdict.fail({
          reason: `user ${id} of ${group} needs no password for ${name}`,
          fix: chooseFix(inventory, {
            command: `aws elasticache modify-user --user-id ${id} --authentication-mode Type=iam`,
            template: `give user ${id} an AuthenticationMode of password or iam`,
          }),
        });
      else throw new UnknownError(`user ${id} of ${group} authenticates by '${type}'`);
    });
  }
}
