// Synthesizes the template, offline and without an account; and what it costs a month.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type IPolicyValidationPlugin, Validations } from 'aws-cdk-lib';
import { ShopStack } from './shop-stack.ts';
import { type SizeName, sizes } from './stack-options.ts';

interface SynthesisOptions {
  size: SizeName;
  /** Default: what the size has. */
  replicas?: number | undefined;
  aurora?: boolean | undefined;
  spotPercent?: number | undefined;
}

export type SynthesizedTemplate = {
  Resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;
};

/** @param plugins judge the constructs while they are synthesized; what they find fails the synthesis */
export function synthesize(
  options: SynthesisOptions,
  plugins: (app: App) => IPolicyValidationPlugin[] = () => [],
): SynthesizedTemplate {
  const outdir = mkdtempSync(join(tmpdir(), 'myclothes-infra-'));
  try {
    const app = new App({
      outdir,
      analyticsReporting: false,
      treeMetadata: false,
      builtinCloudFormationValidation: false,
    });
    const size = sizes[options.size];
    const stack = new ShopStack(app, {
      sizeName: options.size,
      size,
      replicas: options.replicas ?? size.database.replicas,
      aurora: options.aurora ?? false,
      spotPercent: options.spotPercent ?? 0,
    });
    Validations.of(app).addPlugins(...plugins(app));
    return app.synth().getStackArtifact(stack.artifactId).template as SynthesizedTemplate;
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

// What a stack costs a month: its template's own resources at the prices of prices.json, without traffic.

/** Dollars of AWS's public list, on demand. */
export const prices = JSON.parse(readFileSync(new URL('prices.json', import.meta.url), 'utf8')) as {
  date: string;
  region: string;
  hoursPerMonth: number;
} & Record<PricePerHour, Record<string, number>> &
  Record<SinglePrice, number>;

type PricePerHour = 'machineHour' | 'cacheNodeHour' | 'databaseHour' | 'auroraHour';
type SinglePrice =
  | ('databaseGbMonth' | 'auroraGbMonth' | 'volumeGbMonth' | 'natGatewayHour' | 'balancerHour')
  | ('balancerUnitHour' | 'addressHour' | 'detailedMonitoringMonth' | 'secretMonth' | 'alarmMonth')
  | ('metricMonth' | 'firewallMonth' | 'firewallRuleMonth' | 'logGb');

interface CostLine {
  what: string;
  dollars: number;
}

/** What a shop of this size uses beside what stands there: capacity units of the balancer, GB of logs. */
const used: Record<SizeName, { balancerUnits: number; logGb: number }> = {
  small: { balancerUnits: 0.2, logGb: 1 },
  medium: { balancerUnits: 3, logGb: 20 },
  large: { balancerUnits: 10, logGb: 100 },
};
const shopMetrics = 6;

type Resource = SynthesizedTemplate['Resources'][string]['Properties'];

/** At the smallest number of machines. @throws where a price is not known */
export function costOf(size: SizeName, template: SynthesizedTemplate): CostLine[] {
  const of = (type: string) =>
    Object.values(template.Resources)
      .filter(({ Type }) => Type === type)
      .map(({ Properties }) => Properties);
  const { hoursPerMonth: hours } = prices;
  const { origins, workers, zones, detailedMonitoring, volumeGib } = sizes[size];
  const machines = origins.min + workers.min;
  const ofMachines = (group: typeof origins) =>
    group.min * hourly('machineHour', group.instanceTypes[0]) * hours;
  const gateways = of('AWS::EC2::NatGateway').length;
  const rules = of('AWS::WAFv2::WebACL').flatMap(({ Rules }) => Rules as unknown[]).length;
  const alarms = of('AWS::CloudWatch::Alarm').length;
  const secrets = of('AWS::SecretsManager::Secret').length;
  const { balancerUnits, logGb } = used[size];
  return [
    { what: `${origins.min} origins, ${origins.instanceTypes[0]}`, dollars: ofMachines(origins) },
    { what: `${workers.min} workers, ${workers.instanceTypes[0]}`, dollars: ofMachines(workers) },
    {
      what: detailedMonitoring ? 'volumes, detailed monitoring' : 'volumes',
      dollars:
        machines *
        (volumeGib * prices.volumeGbMonth + (detailedMonitoring ? prices.detailedMonitoringMonth : 0)),
    },
    ...of('AWS::ElastiCache::ReplicationGroup').map((cache) => ({
      what: `cache, ${cache['NumCacheClusters']} × ${cache['CacheNodeType']}`,
      dollars: Number(cache['NumCacheClusters']) * hourly('cacheNodeHour', cache['CacheNodeType']) * hours,
    })),
    ...databases(of('AWS::RDS::DBInstance'), hours),
    { what: `${gateways} NAT gateways`, dollars: gateways * prices.natGatewayHour * hours },
    {
      what: 'load balancer',
      dollars: (prices.balancerHour + balancerUnits * prices.balancerUnitHour) * hours,
    },
    { what: 'public addresses', dollars: (gateways + zones) * prices.addressHour * hours },
    { what: 'firewall', dollars: prices.firewallMonth + rules * prices.firewallRuleMonth },
    {
      what: 'secrets, alarms, figures, logs',
      dollars:
        secrets * prices.secretMonth +
        alarms * prices.alarmMonth +
        shopMetrics * prices.metricMonth +
        logGb * prices.logGb,
    },
  ];
}

/** A standby costs as much as its primary, a replica has as much storage; members of Aurora have storage in common. */
function databases(instances: Resource[], hours: number): CostLine[] {
  const gb = Math.max(0, ...instances.map((database) => Number(database['AllocatedStorage'] ?? 0)));
  return instances.map((database) => {
    const type = database['DBInstanceClass'];
    const isAurora = String(database['Engine']).startsWith('aurora');
    if (isAurora) return { what: `database, ${type}`, dollars: hourly('auroraHour', type) * hours };
    const copies = database['MultiAZ'] === true ? 2 : 1;
    const dollars = copies * (hourly('databaseHour', type) * hours + gb * prices.databaseGbMonth);
    return { what: copies === 2 ? `database and standby, ${type}, ${gb} GB` : `replica, ${type}`, dollars };
  });
}

function hourly(kind: PricePerHour, type: unknown): number {
  const price = prices[kind][String(type)];
  if (price === undefined) throw new Error(`Cannot tell what ${type} costs: prices.json lacks it`);
  return price;
}
