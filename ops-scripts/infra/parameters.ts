// The template's parameters, asked for at deployment; none is needed for synthesis.
import { CfnCondition, CfnParameter, Fn } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

export interface Parameters {
  domain: string;
  zoneId: string;
  certificateArn: string;
  deliveryCertificateArn: string;
  webAclArn: string;
  hasWebAcl: CfnCondition;
  releaseBucket: string;
  release: string;
  operatorEmail: string;
  operatorCidr: string;
  paymentProviders: string;
}

export function declareParameters(scope: Construct): Parameters {
  const ask = (id: string, description: string, more: { default?: string; allowedPattern?: string } = {}) =>
    new CfnParameter(scope, id, { type: 'String', description, ...more }).valueAsString;
  const arn = '^arn:aws[a-z-]*:acm:[a-z0-9-]+:\\d{12}:certificate/.+$';
  const webAclArn = ask(
    'WebAclArn',
    'Web ACL (WAFv2, scope CLOUDFRONT) in front of the shop; empty for none',
    {
      default: '',
    },
  );
  return {
    domain: ask('DomainName', "The shop's public name, for example shop.example.com", {
      allowedPattern: '^[a-z0-9.-]+\\.[a-z]+$',
    }),
    zoneId: ask('HostedZoneId', 'Public hosted zone that is authoritative for DomainName'),
    certificateArn: ask('CertificateArn', 'Certificate of this region for DomainName and *.DomainName', {
      allowedPattern: arn,
    }),
    deliveryCertificateArn: ask('DeliveryCertificateArn', 'Certificate in us-east-1 for DomainName', {
      allowedPattern: arn.replace('[a-z0-9-]+:', 'us-east-1:'),
    }),
    webAclArn,
    hasWebAcl: new CfnCondition(scope, 'HasWebAcl', {
      expression: Fn.conditionNot(Fn.conditionEquals(webAclArn, '')),
    }),
    releaseBucket: ask('ReleaseBucket', 'Bucket that holds releases/NAME.tar.gz'),
    release: ask('Release', 'Name of the release that machines run', { allowedPattern: '^[\\w.-]{1,64}$' }),
    operatorEmail: ask('OperatorEmail', 'Where alarms are sent'),
    operatorCidr: ask(
      'OperatorCidr',
      "From where the operators' dashboard may be opened; by default from nowhere",
      {
        default: '192.0.2.1/32',
        allowedPattern: '^[0-9.]+/\\d{1,2}$',
      },
    ),
    paymentProviders: ask('PaymentProviders', 'on-delivery, stripe; separated by commas', {
      default: 'on-delivery',
    }),
  };
}
