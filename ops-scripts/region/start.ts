// `npm run region`: runs a whole region on one machine until Ctrl-C; `--json` prints one line for programs.
import { Command } from 'commander';
import { makeAlike } from '../command-line.ts';
import { explainError, runUntilStopped } from '../local/run-until-stopped.ts';
import { readRegionSettings } from './config.ts';
import { type ControlServer, openControl } from './control.ts';
import { type Region, startRegion } from './region.ts';
import { renderTable, showLiveTable } from './region-part.ts';

const notes = `
Settings are those of npm start (PORT, EDGE_PORT, WORKER_PORT, DATA_DIR,
CART_STATE and others); a port 0 takes a free one. POSTGRES_DISKS is a folder
with one for each Postgres server (postgres-a1 and so on), where disks of their
own are to be tried. All data lies in DATA_DIR/region; a region begins empty,
and its logs stay in DATA_DIR/region/parts/logs.`;

function readArguments(): { json: boolean } {
  const program = new Command('npm run region --')
    .description(
      'Run a whole region on this machine: balancer, 3 origins, 2 workers, an edge node, Postgres primary with a synchronous standby and a read replica, Redis primary with a replica. Kill any part and watch.',
    )
    .option('--json', 'print one line that names every part, for programs')
    .addHelpText('after', notes)
    .action(() => undefined);
  const { json = false } = makeAlike(program).parse().opts<{ json?: boolean }>();
  return { json };
}

async function main(): Promise<number> {
  const settings = readRegionSettings(readArguments());
  let tell = (sentence: string) => console.error(sentence);
  return runUntilStopped(
    { startedByNpm: settings.startedByNpm, report: (sentence) => tell(sentence) },
    async ({ signal }) => {
      const region = await startRegion(settings, { signal, onEvent: (sentence) => tell(sentence) });
      const control = await openControl(region);
      const table = announce(region, control, settings.json);
      if (table !== undefined) tell = table.tell;
      return async () => {
        table?.close();
        tell = (sentence) => console.error(sentence);
        control.close();
        await region.stop();
      };
    },
  );
}

function announce(region: Region, control: ControlServer, json: boolean) {
  const { storefrontUrl, edgeUrl, staff, operatorPassword } = region;
  if (json) {
    const line = {
      ready: true,
      storefront: storefrontUrl,
      edge: edgeUrl,
      parts: region.parts(),
      staff,
      operator: { password: operatorPassword },
      control: { url: control.url, token: control.token },
    };
    console.log(JSON.stringify(line));
    return undefined;
  }
  console.log(`ready ${storefrontUrl}`);
  console.log(`edge ${edgeUrl}`);
  console.log(`staff ${staff.email}, ${staff.password}`);
  console.log(`operator ${operatorPassword}`);
  console.log(`control ${control.url}, ${control.token}\n`);
  if (process.stdout.isTTY)
    return showLiveTable(process.stdout, 'Kill any part and watch. Ctrl-C stops all.', region.parts);
  for (const line of renderTable(region.parts())) console.log(line);
  return undefined;
}

process.exitCode = await main().catch((error) => {
  console.error(explainError(error));
  return 1;
});
