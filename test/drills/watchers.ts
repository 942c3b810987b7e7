// Prometheus and Alertmanager from Debian's packages watch a region. They use the repository's rules ten times as fast.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { DrillRegion } from '../../ops-scripts/drills/region.ts';
import { findFreePort } from '../../ops-scripts/local/ports.ts';
import { waitUntil } from '../../ops-scripts/local/wait-until.ts';
import { findProgram } from '../support/system-packages.ts';

/** The factor by which each time of a rule is divided, and the longest time that is left. */
const quicker = 10;
const longestSeconds = 30;

export interface ToldAlert {
  alert: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  state: 'firing' | 'resolved';
  atMs: number;
}

export interface Watchers extends AsyncDisposable {
  /** Alerts that Alertmanager has sent to its receiver, in order. */
  told: ToldAlert[];
  /** @returns one value for each series */
  query(expr: string): Promise<{ labels: Record<string, string>; value: number }[]>;
  /**
   * Seconds until the rule with this name fires, in the faster copy. For a burn rate it includes the longest window,
   * because the fault must fill it.
   */
  firesAfterSeconds(alert: string): number;
}

/**
 * Divides the windows and waiting times of burn rates, which compare an hour with five minutes and six hours with
 * thirty. The limit above would make one window of all four. Expressions and shares stay the same.
 */
export const burnQuicker = 60;

export const whyNoWatchers = (): string | undefined =>
  ['prometheus', 'prometheus-alertmanager'].every((program) => findProgram(program) !== undefined)
    ? undefined
    : 'Prometheus and Alertmanager are not installed: apt-get install prometheus prometheus-alertmanager';

/** @param only `burn rates`: their rules alone, 60 times as quick */
export async function startWatchers(region: DrillRegion, only?: 'burn rates'): Promise<Watchers> {
  await using standing = new AsyncDisposableStack();
  const folder = join(region.folder, only === undefined ? 'watchers' : 'watchers-of-burn-rates');
  await mkdir(folder, { recursive: true });
  const told: ToldAlert[] = [];
  const receiver = standing.adopt(await openReceiver(told), (server) => void server.close());
  const [prometheus, alertmanager] = [await findFreePort(), await findFreePort()];
  const text = await readFile('ops-scripts/alerts/rules.yaml', 'utf8');
  const rules = only === undefined ? quicken(text) : quickenBurnRates(text);
  const at = (name: string) => join(folder, name);
  await writeFile(at('rules.yaml'), stringify(rules));
  await writeFile(at('alertmanager.yml'), stringify(alertmanagerSettings(portOf(receiver))));
  await writeFile(
    at('prometheus.yml'),
    stringify(prometheusSettings(region, at('rules.yaml'), alertmanager)),
  );
  standing.adopt(
    run('prometheus-alertmanager', [
      `--config.file=${at('alertmanager.yml')}`,
      `--storage.path=${at('alertmanager')}`,
      `--web.listen-address=127.0.0.1:${alertmanager}`,
      '--cluster.listen-address=',
      '--log.level=warn',
    ]),
    end,
  );
  standing.adopt(
    run('prometheus', [
      `--config.file=${at('prometheus.yml')}`,
      `--storage.tsdb.path=${at('prometheus')}`,
      `--web.listen-address=127.0.0.1:${prometheus}`,
      '--log.level=warn',
    ]),
    end,
  );
  const url = `http://127.0.0.1:${prometheus}`;
  const answers = async (address: string) => (await fetch(address)).ok;
  await waitUntil(() => answers(`${url}/-/ready`), { what: 'Prometheus', deadlineMs: 60_000, everyMs: 200 });
  await waitUntil(() => answers(`http://127.0.0.1:${alertmanager}/-/ready`), {
    what: 'Alertmanager',
    deadlineMs: 60_000,
    everyMs: 200,
  });
  const stack = standing.move();
  return {
    told,
    async query(expr) {
      const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expr })}`);
      const { status, data, error } = (await answer.json()) as QueryAnswer;
      if (status !== 'success') throw new Error(`Prometheus refused '${expr}': ${error}`);
      return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    firesAfterSeconds(alert) {
      const rule = rules.groups.flatMap((group) => group.rules).find((one) => one.alert === alert);
      const windows = [...rule!.expr.matchAll(rangePattern)].map(([, range]) => secondsOf(range!));
      return secondsOf(rule!.for) + (only === undefined ? 0 : Math.max(0, ...windows));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

interface QueryAnswer {
  status: string;
  error?: string;
  data: { result: { metric: Record<string, string>; value: [number, string] }[] };
}

interface Rules {
  groups: { name: string; rules: { alert: string; expr: string; for: string }[] }[];
}

const rangePattern = /\[(\d+[smh])\]/g;

function quickenBurnRates(text: string): Rules {
  const { groups } = parse(text) as Rules;
  const requests = groups.filter(({ name }) => name === 'requests');
  const sooner = (span: string) => `${secondsOf(span) / burnQuicker}s`;
  for (const rule of requests.flatMap((group) => group.rules)) {
    rule.for = sooner(rule.for);
    rule.expr = rule.expr.replaceAll(rangePattern, (_, range: string) => `[${sooner(range)}]`);
  }
  return { groups: requests };
}

/**
 * Divides the times of rules, the windows of rates and the ages that a rule compares. Shares and counts stay the same.
 */
function quicken(text: string): Rules {
  const rules = parse(text) as Rules;
  const sooner = (seconds: number) => Math.max(2, Math.min(longestSeconds, Math.round(seconds / quicker)));
  for (const rule of rules.groups.flatMap((group) => group.rules)) {
    rule.for = `${sooner(secondsOf(rule.for))}s`;
    rule.expr = rule.expr
      .replaceAll(rangePattern, (_, range: string) => `[${Math.max(5, sooner(secondsOf(range)))}s]`)
      .replace(
        /(\w+_(?:lag|waiting|age|failing)_seconds\) > )(\d+)$/,
        (_, head, age) => head + String(Number(age) / quicker),
      );
  }
  return rules;
}

function secondsOf(span: string): number {
  return Number.parseInt(span, 10) * { s: 1, m: 60, h: 3_600 }[span.at(-1) as 's' | 'm' | 'h'];
}

function prometheusSettings({ control }: DrillRegion, rulesFile: string, alertmanager: number) {
  const authorization = { type: 'Bearer', credentials: control.token };
  return {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [rulesFile],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [`127.0.0.1:${alertmanager}`] }] }] },
    scrape_configs: [
      {
        job_name: 'parts',
        http_sd_configs: [{ url: `${control.url}/targets`, authorization, refresh_interval: '1s' }],
      },
      {
        job_name: 'region',
        authorization,
        static_configs: [{ targets: [new URL(control.url).host] }],
      },
    ],
  };
}

function alertmanagerSettings(port: number) {
  return {
    route: {
      receiver: 'test',
      group_by: ['...'],
      group_wait: '0s',
      group_interval: '1s',
      repeat_interval: '4h',
    },
    receivers: [
      { name: 'test', webhook_configs: [{ url: `http://127.0.0.1:${port}/`, send_resolved: true }] },
    ],
  };
}

interface Notification {
  alerts: {
    status: 'firing' | 'resolved';
    labels: Record<string, string>;
    annotations: Record<string, string>;
  }[];
}

async function openReceiver(told: ToldAlert[]) {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += String(part)));
    request.on('end', () => {
      response.end();
      for (const { status, labels, annotations } of (JSON.parse(body) as Notification).alerts)
        told.push({
          alert: labels['alertname']!,
          labels,
          annotations,
          state: status,
          atMs: performance.now(),
        });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port;
}

function run(program: string, args: string[]): ChildProcess {
  return spawn(findProgram(program)!, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
