import { existsSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { type Browser, chromium, type Page, type Route } from 'playwright-core';
import type { EmbeddedEngine } from '../../src/embedded/index.js';
import { NotAvailable } from './packages.js';

const READY_TIMEOUT_MS = 120_000;
const FILE_TIMEOUT_MS = 60_000;

/** What the page offers, as far as the judge uses it. */
interface ComfyWindow {
  readonly app: {
    loadGraphData(workflow: unknown, clean?: boolean, restoreView?: boolean, name?: unknown): Promise<void>;
    graphToPrompt(): Promise<{ readonly output: unknown }>;
  };
}

/**
 * The official front end in headless Chromium. The engine answers everything that a ComfyUI server would; the files of
 * the front end itself are put in by the browser's driver, and nothing else is reached.
 */
export class FrontEnd {
  readonly #browser: Browser;
  readonly #page: Page;

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.#page = page;
  }

  /** Throws NotAvailable without a Chromium. */
  static async open(engine: EmbeddedEngine, staticFolder: string): Promise<FrontEnd> {
    const executablePath = [process.env['EASEL_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
      (path) => path !== undefined && existsSync(path),
    );
    if (executablePath === undefined)
      throw new NotAvailable('Chromium is needed: install it or name it in EASEL_CHROMIUM.');
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    try {
      const page = await browser.newPage();
      await page.route('**/*', (route) => answer(route, engine.url, staticFolder));
      await page.goto(engine.url, { timeout: READY_TIMEOUT_MS });
      const isReady = () => (globalThis as unknown as Partial<ComfyWindow>).app?.graphToPrompt !== undefined;
      await page.waitForFunction(isReady, null, { timeout: READY_TIMEOUT_MS });
      return new FrontEnd(browser, page);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** The graph that the front end would queue, as JSON. Chance always takes the first alternative. */
  async convert(workflowJson: string): Promise<string> {
    const work = this.#page.evaluate(async (text) => {
      const { app } = globalThis as unknown as ComfyWindow;
      await app.loadGraphData(JSON.parse(text), true, false);
      const { random } = Math;
      Math.random = () => 0;
      try {
        return JSON.stringify((await app.graphToPrompt()).output);
      } finally {
        Math.random = random;
      }
    }, workflowJson);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('the front end did not answer in time')), FILE_TIMEOUT_MS);
    });
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}

async function answer(route: Route, engineUrl: string, staticFolder: string): Promise<void> {
  const url = new URL(route.request().url());
  if (url.protocol === 'data:' || url.protocol === 'blob:') return route.continue();
  if (url.origin !== engineUrl) return route.abort();
  if (url.pathname.startsWith('/api/')) return route.continue();
  const path = join(staticFolder, normalize(url.pathname === '/' ? 'index.html' : decodeURIComponent(url.pathname)));
  if (!existsSync(path) || !statSync(path).isFile()) return route.fulfill({ status: 404, body: '' });
  return route.fulfill({ path });
}
