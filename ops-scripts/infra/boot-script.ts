// Writes the machines' boot script, which fetches the release, writes the settings and starts the process.
// The script drains the process before termination.
import { ports } from './stack-options.ts';

export interface BootInput {
  /** `origin` or `worker`. */
  entry: 'origin' | 'worker';
  region: string;
  releaseBucket: string;
  release: string;
  /** SHA-256 of the release's archive. */
  releaseDigest: string;
  domain: string;
  paymentProviders: string;
  vpcCidr: string;
  writerAddress: string;
  replicaAddresses: string[];
  databaseName: string;
  cacheAddress: string;
  cacheNodes: number;
  logGroup: string;
  /** ARNs in Secrets Manager, of those that this kind of machine may read. */
  secrets: Record<
    'databasePassword' | 'appDatabasePassword' | 'cacheToken' | 'cookieKeys' | 'extraSettings',
    string
  > & {
    operatorPassword?: string;
  };
  drainHook: string;
}

export const metricNamespace = 'MyClothes';
/** Gauges that CloudWatch keeps, so that alarms can be set on them. */
export const watchedMetrics = [
  'outbox_dead_letters',
  'outbox_lag_seconds',
  'cart_journal_carts',
  'cart_held_oldest_age_seconds',
  'payments_unclear',
] as const;

/** How long the balancer takes at most to stop sending, once the group has begun to deregister the machine. */
const deregistrationSeconds = 15;

/** The whole script, lines of bash. */
export function bootScript(input: BootInput): string[] {
  return [
    ...tellOfFaults(),
    `export AWS_DEFAULT_REGION=${input.region}`,
    ...askPatiently(),
    // First of all, so that a boot that fails can be read about.
    ...shipLogs(input),
    ...fetchRelease(input),
    ...makeCertificate(),
    ...writeSettings(input),
    ...commandForOperators(input),
    ...migrationUnit(),
    ...processUnit(input),
    ...drainUnit(input),
    'systemctl daemon-reload',
    // A database that is away keeps no machine from serving: the unit goes on trying.
    'systemctl start --no-block myclothes-migrate',
    'timeout 20 bash -c "until systemctl -q is-active myclothes-migrate; do sleep 1; done" || echo "not migrated yet"',
    'systemctl enable --now myclothes myclothes-drain myclothes-rotate.timer',
    'echo "boot is complete"',
  ];
}

/** The command line of AWS gives up on a machine's credentials after one second and one try. */
const awsPatience = 'AWS_METADATA_SERVICE_TIMEOUT=5 AWS_METADATA_SERVICE_NUM_ATTEMPTS=5';

/** The machine's metadata and AWS's interfaces may be slow or refuse at first: one refusal must not cost a machine. */
function askPatiently(): string[] {
  return [
    `export ${awsPatience}`,
    'patiently() { local pause; for pause in 1 2 4 8 16; do if "$@"; then return; fi; sleep $pause; done; "$@"; }',
    'ask="curl -sf --max-time 5 --retry 5 --retry-connrefused"',
    'token=$($ask -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 600" http://169.254.169.254/latest/api/token)',
    'imds() { $ask -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"; }',
    'secret() { patiently aws secretsmanager get-secret-value --secret-id "$1" --query SecretString --output text; }',
  ];
}

/** On the machine's console (`aws ec2 get-console-output`) and in a log that is shipped. */
function tellOfFaults(): string[] {
  return [
    'set -Eeuo pipefail',
    'install -d /var/log/myclothes',
    'exec > >(tee -a /var/log/myclothes/boot.log >/dev/console) 2>&1',
    'trap \'echo "boot failed in line $LINENO"\' ERR',
  ];
}

function fetchRelease({ releaseBucket, release, releaseDigest }: BootInput): string[] {
  return [
    'useradd --system --home-dir /opt/myclothes --shell /sbin/nologin myclothes',
    'install -d -o myclothes /opt/myclothes /var/lib/myclothes /var/log/myclothes',
    `patiently aws s3 cp --quiet "s3://${releaseBucket}/releases/${release}.tar.gz" /tmp/release.tar.gz`,
    `echo "${releaseDigest}  /tmp/release.tar.gz" | sha256sum --check --strict`,
    'tar -xzf /tmp/release.tar.gz -C /opt/myclothes --no-same-owner',
    'rm /tmp/release.tar.gz',
    'curl -sf --retry 5 -o /etc/rds.pem https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem',
  ];
}

const tlsFolder = '/etc/myclothes-tls';

/** Requests from the load balancer use TLS. It verifies no certificate, so each machine makes its own at boot. */
function makeCertificate(): string[] {
  return [
    'command -v openssl >/dev/null || patiently dnf install -y -q openssl',
    `install -d -m 750 -g myclothes ${tlsFolder}`,
    `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=a machine of the shop" -keyout ${tlsFolder}/key.pem -out ${tlsFolder}/certificate.pem 2>/dev/null`,
    `chgrp myclothes ${tlsFolder}/*.pem && chmod 640 ${tlsFolder}/*.pem`,
  ];
}

function writeSettings(input: BootInput): string[] {
  const { secrets, databaseName } = input;
  const place = (address: string) =>
    `${address}:${ports.database}/${databaseName}?sslmode=verify-full&sslrootcert=/etc/rds.pem`;
  const database = (address: string) => `postgres://shop:$password@${place(address)}`;
  // Each is read before the file is written: in a here-document a refused call would leave an empty setting behind.
  const read = { owner_password: secrets.databasePassword, password: secrets.appDatabasePassword };
  const more = { cache_token: secrets.cacheToken, cookie_keys: secrets.cookieKeys };
  const ofOperators = secrets.operatorPassword ? { operator_password: secrets.operatorPassword } : {};
  const all = { ...read, ...more, ...ofOperators, further: secrets.extraSettings };
  return [
    ...Object.entries(all).map(([name, arn]) => `${name}=$(secret ${arn})`),
    'zone=$(imds placement/availability-zone)',
    'instance=$(imds instance-id)',
    // CloudFront's addresses are proxies of ours, or every shopper of one of its sites would count as one client.
    'list=$(patiently aws ec2 describe-managed-prefix-lists --filters Name=prefix-list-name,Values=com.amazonaws.global.cloudfront.origin-facing --query "PrefixLists[0].PrefixListId" --output text)',
    'delivery=$(patiently aws ec2 get-managed-prefix-list-entries --prefix-list-id "$list" --query "Entries[].Cidr" --output text | tr "\\t" ",")',
    'umask 077',
    'cat > /etc/myclothes.env <<SETTINGS',
    `DATABASE_URL=${database(input.writerAddress)}`,
    `DATABASE_REPLICA_URLS=${input.replicaAddresses.map(database).join(',')}`,
    `REDIS_URL=rediss://:$cache_token@${input.cacheAddress}:${ports.cache}`,
    `REDIS_REPLICAS=${Math.min(1, input.cacheNodes - 1)}`,
    'HOST=0.0.0.0',
    `PORT=${ports.origin}`,
    `WORKER_PORT=${ports.worker}`,
    `METRICS_PORT=${ports.metrics}`,
    `TLS_CERTIFICATE_FILE=${tlsFolder}/certificate.pem`,
    `TLS_KEY_FILE=${tlsFolder}/key.pem`,
    `SITE_URL=https://${input.domain}`,
    `WORKER_URL=https://operators.${input.domain}`,
    'COOKIE_KEYS=$cookie_keys',
    ...(secrets.operatorPassword === undefined ? [] : ['OPERATOR_PASSWORD=$operator_password']),
    `PAYMENT_PROVIDERS=${input.paymentProviders}`,
    `TRUSTED_PROXIES=${input.vpcCidr},$delivery`,
    'DATA_DIR=/var/lib/myclothes',
    // For backups to S3, and for purges of CloudFront.
    `AWS_REGION=${input.region}`,
    'ZONE=$zone',
    'INSTANCE=$instance',
    '$further',
    'SETTINGS',
    // Root's alone: of one unit that migrates, and of operators' commands.
    'cat > /etc/myclothes-owner.env <<SETTINGS',
    `MIGRATION_DATABASE_URL=postgres://myclothes:$owner_password@${place(input.writerAddress)}`,
    'SETTINGS',
    'umask 022',
  ];
}

const agentFolder = '/opt/aws/amazon-cloudwatch-agent';
/** In MB: three old pieces and the present one are all that a log may take of the disk. */
const mostLogMb = 50;

/** Logs and figures go to CloudWatch. A machine serves also where the agent cannot be had. */
function shipLogs({ entry, logGroup }: BootInput): string[] {
  const file = (name: string, stream: string) => ({
    file_path: `/var/log/myclothes/${name}.log`,
    log_group_name: logGroup,
    log_stream_name: `${stream}/{instance_id}`,
  });
  const prometheus = {
    log_group_name: logGroup,
    prometheus_config_path: `${agentFolder}/etc/prometheus.yaml`,
    emf_processor: {
      metric_namespace: metricNamespace,
      metric_declaration: [
        {
          source_labels: ['job'],
          label_matcher: '^shop$',
          dimensions: [['job']],
          metric_selectors: watchedMetrics.map((name) => `^${name}$`),
        },
      ],
    },
  };
  const agent = {
    agent: { run_as_user: 'root' },
    logs: {
      logs_collected: { files: { collect_list: [file(entry, entry), file('boot', 'boot')] } },
      metrics_collected: { prometheus },
    },
  };
  // The worker tells its figures on its one port, by TLS.
  const [port, scheme] =
    entry === 'worker'
      ? [ports.worker, ', scheme: https, tls_config: { insecure_skip_verify: true }']
      : [ports.metrics, ''];
  return [
    '{',
    'dnf install -y -q amazon-cloudwatch-agent logrotate',
    `cat > ${agentFolder}/etc/prometheus.yaml <<'CONFIG'`,
    'global: { scrape_interval: 60s }',
    `scrape_configs: [{ job_name: shop${scheme}, static_configs: [{ targets: ["127.0.0.1:${port}"] }] }]`,
    'CONFIG',
    `cat > ${agentFolder}/etc/shop.json <<'CONFIG'`,
    JSON.stringify(agent),
    'CONFIG',
    `${agentFolder}/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:${agentFolder}/etc/shop.json`,
    '} || echo "boot goes on without the CloudWatch agent"',
    "cat > /etc/logrotate-myclothes.conf <<'ROTATE'",
    `/var/log/myclothes/*.log { size ${mostLogMb}M`,
    'rotate 3',
    'compress',
    'missingok',
    'copytruncate }',
    'ROTATE',
    ...unit('myclothes-rotate', [
      '[Service]',
      'Type=oneshot',
      'ExecStart=/usr/sbin/logrotate /etc/logrotate-myclothes.conf',
    ]),
    "cat > /etc/systemd/system/myclothes-rotate.timer <<'UNIT'",
    '[Timer]',
    'OnCalendar=*:0/5',
    '[Install]',
    'WantedBy=timers.target',
    'UNIT',
    'install -d /etc/systemd/journald.conf.d',
    "printf '[Journal]\\nSystemMaxUse=200M\\n' > /etc/systemd/journald.conf.d/size.conf",
  ];
}

/** `ops WORDS` on a machine, with the shop's settings and as its user; what `ops aws run` calls. */
function commandForOperators({ region }: BootInput): string[] {
  return [
    "cat > /usr/local/bin/ops <<'OPS'",
    '#!/bin/bash',
    'set -euo pipefail',
    // Neither a shell of Systems Manager nor one of its commands has it.
    `export AWS_DEFAULT_REGION=${region} ${awsPatience}`,
    'folder=$(mktemp -d) && trap \'rm -rf "$folder"\' EXIT',
    'words=()',
    'for word in "$@"; do',
    // A file of products is fetched first; backups know S3 by themselves.
    '  if [ "$1" = catalog ] && [[ "$word" = s3://* ]]; then',
    '    aws s3 cp --only-show-errors "$word" "$folder/"',
    '    word="$folder/$(basename "$word")"',
    '  fi',
    '  words+=("$word")',
    'done',
    'chown -R myclothes "$folder"',
    'systemd-run --quiet --wait --pipe --collect --uid=myclothes --property=EnvironmentFile=/etc/myclothes.env --property=EnvironmentFile=/etc/myclothes-owner.env \\',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash's
    '  --working-directory=/opt/myclothes /opt/myclothes/node_modules/.bin/node ops-scripts/main.ts "${words[@]}"',
    'OPS',
    'chmod 755 /usr/local/bin/ops',
  ];
}

/** systemd gives up on what fails five times within ten seconds; a store may be away for longer. */
const neverGiveUp = ['StartLimitIntervalSec=0'];

/** Makes the schema and the shop's own role, as the owner of the tables: a process that ends before shoppers come. */
function migrationUnit(): string[] {
  return unit('myclothes-migrate', [
    '[Unit]',
    'After=network-online.target',
    ...neverGiveUp,
    '[Service]',
    'Type=oneshot',
    'RemainAfterExit=yes',
    'DynamicUser=yes',
    'WorkingDirectory=/opt/myclothes',
    'EnvironmentFile=/etc/myclothes.env',
    'EnvironmentFile=/etc/myclothes-owner.env',
    'ExecStart=/opt/myclothes/node_modules/.bin/node ops-scripts/main.ts db migrate',
    'Restart=on-failure',
    'RestartSec=2',
  ]);
}

function processUnit({ entry }: BootInput): string[] {
  return unit('myclothes', [
    '[Unit]',
    'After=network-online.target',
    ...neverGiveUp,
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
    // Who breaks into an origin gets no credentials of the machine, with which secrets could be read.
    ...(entry === 'origin' ? ['IPAddressDeny=169.254.169.254/32'] : []),
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
    '  token=$(curl -sf --max-time 5 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" http://169.254.169.254/latest/api/token)',
    '  curl -sf --max-time 5 -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"',
    '}',
    'until [ "$(read_metadata autoscaling/target-lifecycle-state)" = Terminated ] || read_metadata spot/instance-action >/dev/null; do sleep 2; done',
    `sleep ${deregistrationSeconds}`,
    'systemctl stop myclothes',
    // A refused call is tried again at once: to begin anew would wait for the balancer once more.
    'for pause in 1 2 4 8 0; do',
    `  aws autoscaling complete-lifecycle-action --lifecycle-action-result CONTINUE --lifecycle-hook-name ${drainHook} --auto-scaling-group-name "$GROUP" --instance-id "$(read_metadata instance-id)" && exit`,
    '  sleep $pause',
    'done',
    'exit 1',
    'DRAIN',
    'chmod 755 /usr/local/bin/myclothes-drain',
    'group=$(imds tags/instance/aws:autoscaling:groupName)',
    ...unit('myclothes-drain', [
      '[Unit]',
      ...neverGiveUp,
      '[Service]',
      'ExecStart=/usr/local/bin/myclothes-drain',
      `Environment=AWS_DEFAULT_REGION=$AWS_DEFAULT_REGION ${awsPatience}`,
      'Environment=GROUP=$group',
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
