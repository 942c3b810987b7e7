// Starts Debian's Chromium with playwright-core, which is a development dependency only.
import { existsSync } from 'node:fs';
import type { Browser, LaunchOptions } from 'playwright-core';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path),
);
export const hasChromium = executablePath !== undefined;

export async function launchChromium(options: LaunchOptions = {}): Promise<Browser> {
  const { chromium } = await import('playwright-core');
  return chromium.launch({
    ...options,
    executablePath: executablePath!,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      ...(options.args ?? []),
    ],
  });
}
