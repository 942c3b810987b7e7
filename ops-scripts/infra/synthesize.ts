// Synthesizes the template, offline and without an account.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type IPolicyValidationPlugin, Validations } from 'aws-cdk-lib';
import { ShopStack } from './shop-stack.ts';
import { type SizeName, sizes } from './stack-options.ts';

export interface SynthesisOptions {
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
