// The machines' boot script: fetches the release, writes the settings, starts the process and drains it before
// termination.
import { ports } from './stack-options.ts';

export interface BootInput {
  /** `origin` or `worker`. */
  entry: 'origin' | 'worker';
  region: string;
  releaseBucket: string;
  release: string;
  domain: string;
  paymentProviders: string;
  vpcCidr: string;
  writerAddress: string;
  replicaAddresses: string[];
  databaseName: string;
  cacheAddress: string;
  cacheNodes: number;
  logGroup: string;
  /** ARNs in Secrets Manager. */
  secrets: Record<
    'databasePassword' | 'cacheToken' | 'cookieKeys' | 'operatorPassword' | 'extraSettings',
    string
  >;
  drainHook: string;
}

/** How long the balancer takes at most to stop sending, once the group has begun to deregister the machine. */
const deregistrationSeconds = 15;

/** The whole script, lines of bash. */
export function bootScript(input: BootInput): string[] {
  return [
    'set -euo pipefail',
    `export AWS_DEFAULT_REGION=${input.region}`,
    'token=$(curl -sf -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 600" http://169.254.169.254/latest/api/token)',
    'imds() { curl -sf -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"; }',
    'secret() { aws secretsmanager get-secret-value --secret-id "$1" --query SecretString --output text; }',
    ...fetchRelease(input),
    ...writeSettings(input),
    ...shipLogs(input),
    ...processUnit(input),
    ...drainUnit(input),
    'systemctl daemon-reload',
    'systemctl enable --now myclothes myclothes-drain',
  ];
}

function fetchRelease({ releaseBucket, release }: BootInput): string[] {
  return [
    'useradd --system --home-dir /opt/myclothes --shell /sbin/nologin myclothes',
    'install -d -o myclothes /opt/myclothes /var/lib/myclothes /var/log/myclothes',
    `aws s3 cp "s3://${releaseBucket}/releases/${release}.tar.gz" - | tar -xz -C /opt/myclothes`,
    'curl -sf -o /etc/rds.pem https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem',
  ];
}

function writeSettings(input: BootInput): string[] {
  const { secrets, databaseName } = input;
  const database = (address: string) =>
    `postgres://myclothes:$password@${address}:${ports.database}/${databaseName}?sslmode=verify-full&sslrootcert=/etc/rds.pem`;
  return [
    `password=$(secret ${secrets.databasePassword})`,
    `cache_token=$(secret ${secrets.cacheToken})`,
    // CloudFront's addresses are proxies of ours, or every shopper of one of its sites would count as one client.
    'list=$(aws ec2 describe-managed-prefix-lists --filters Name=prefix-list-name,Values=com.amazonaws.global.cloudfront.origin-facing --query "PrefixLists[0].PrefixListId" --output text)',
    'delivery=$(aws ec2 get-managed-prefix-list-entries --prefix-list-id "$list" --query "Entries[].Cidr" --output text | tr "\\t" ",")',
    'umask 077',
    'cat > /etc/myclothes.env <<SETTINGS',
    `DATABASE_URL=${database(input.writerAddress)}`,
    `DATABASE_REPLICA_URLS=${input.replicaAddresses.map(database).join(',')}`,
    `REDIS_URL=rediss://:$cache_token@${input.cacheAddress}:${ports.cache}`,
    `REDIS_REPLICAS=${Math.min(1, input.cacheNodes - 1)}`,
    'HOST=0.0.0.0',
    `PORT=${ports.origin}`,
    `WORKER_PORT=${ports.worker}`,
    `SITE_URL=https://${input.domain}`,
    `COOKIE_KEYS=$(secret ${secrets.cookieKeys})`,
    `OPERATOR_PASSWORD=$(secret ${secrets.operatorPassword})`,
    `PAYMENT_PROVIDERS=${input.paymentProviders}`,
    `TRUSTED_PROXIES=${input.vpcCidr},$delivery`,
    'DATA_DIR=/var/lib/myclothes',
    'ZONE=$(imds placement/availability-zone)',
    'INSTANCE=$(imds instance-id)',
    `$(secret ${secrets.extraSettings})`,
    'SETTINGS',
    'umask 022',
  ];
}

function shipLogs({ entry, logGroup }: BootInput): string[] {
  const file = {
    file_path: '/var/log/myclothes/*.log',
    log_group_name: logGroup,
    log_stream_name: `${entry}/{instance_id}`,
  };
  return [
    'dnf install -y -q amazon-cloudwatch-agent',
    "cat > /opt/aws/amazon-cloudwatch-agent/etc/shop.json <<'CONFIG'",
    JSON.stringify({ logs: { logs_collected: { files: { collect_list: [file] } } } }),
    'CONFIG',
    '/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:/opt/aws/amazon-cloudwatch-agent/etc/shop.json',
  ];
}

function processUnit({ entry }: BootInput): string[] {
  return unit('myclothes', [
    '[Unit]',
    'After=network-online.target',
    '[Service]',
    'User=myclothes',
    'WorkingDirectory=/opt/myclothes',
    'EnvironmentFile=/etc/myclothes.env',
    `ExecStart=/opt/myclothes/node_modules/.bin/node ${entry}/main.ts`,
    `StandardOutput=append:/var/log/myclothes/${entry}.log`,
    `StandardError=append:/var/log/myclothes/${entry}.log`,
    'Restart=always',
    'RestartSec=1',
    'TimeoutStopSec=30',
    'LimitNOFILE=65536',
    'NoNewPrivileges=true',
    'ProtectSystem=full',
    '[Install]',
    'WantedBy=multi-user.target',
  ]);
}

/** Waits for the termination notice, lets the balancer deregister, stops the process, completes the hook. */
function drainUnit({ drainHook }: BootInput): string[] {
  return [
    "cat > /usr/local/bin/myclothes-drain <<'DRAIN'",
    '#!/bin/bash',
    'read_metadata() {',
    '  token=$(curl -sf -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" http://169.254.169.254/latest/api/token)',
    '  curl -sf -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"',
    '}',
    'until [ "$(read_metadata autoscaling/target-lifecycle-state)" = Terminated ] || read_metadata spot/instance-action >/dev/null; do sleep 2; done',
    `sleep ${deregistrationSeconds}`,
    'systemctl stop myclothes',
    `aws autoscaling complete-lifecycle-action --lifecycle-action-result CONTINUE --lifecycle-hook-name ${drainHook} --auto-scaling-group-name "$GROUP" --instance-id "$(read_metadata instance-id)"`,
    'DRAIN',
    'chmod 755 /usr/local/bin/myclothes-drain',
    ...unit('myclothes-drain', [
      '[Service]',
      'ExecStart=/usr/local/bin/myclothes-drain',
      'Environment=AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION',
      'Environment=GROUP=$(imds tags/instance/aws:autoscaling:groupName)',
      'Restart=on-failure',
      '[Install]',
      'WantedBy=multi-user.target',
    ]),
  ];
}

/** The here-document is not quoted: what stands in it is expanded now. */
function unit(name: string, lines: string[]): string[] {
  return [`cat > /etc/systemd/system/${name}.service <<UNIT`, ...lines, 'UNIT'];
}
