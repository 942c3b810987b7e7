// Secrets, which Secrets Manager generates at deployment; none is in the template.
import { RemovalPolicy, SecretValue } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';

export interface Secrets {
  databasePassword: Secret;
  cacheToken: Secret;
  cookieKeys: Secret;
  operatorPassword: Secret;
  /** What CloudFront shows to the balancer, so that no other distribution can pose as ours. */
  deliveryPass: Secret;
  /** Lines `NAME=value` that operators add: SMTP_URL, keys of Stripe, the first staff account. */
  extraSettings: Secret;
}

export function addSecrets(scope: Construct): Secrets {
  const made = (id: string, description: string, passwordLength: number) =>
    new Secret(scope, id, {
      description,
      // Letters and digits only: they stand in URLs.
      generateSecretString: { passwordLength, excludePunctuation: true },
      removalPolicy: RemovalPolicy.RETAIN,
    });
  return {
    databasePassword: made('DatabasePassword', 'Password of the database owner', 40),
    cacheToken: made('CacheToken', 'AUTH token of the cache', 64),
    cookieKeys: made('CookieKeys', 'Keys that sign cookies: the first signs, all verify', 64),
    operatorPassword: made('OperatorPassword', "Password of the operators' dashboard", 32),
    deliveryPass: made('DeliveryPass', 'Header by which the balancer knows our CloudFront', 40),
    extraSettings: new Secret(scope, 'ExtraSettings', {
      description: 'Further settings, a line NAME=value each',
      secretStringValue: SecretValue.unsafePlainText('# SMTP_URL=smtps://user:password@host:465'),
      removalPolicy: RemovalPolicy.RETAIN,
    }),
  };
}
