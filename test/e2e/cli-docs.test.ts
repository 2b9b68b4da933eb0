import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { documentedCommands } from '../helpers/documents.js';
import { readText } from '../helpers/sources.js';
import { cleanEnvironment, FAST, main, root, startEngine, temporaryFolder } from './easel.js';

/** Every example of docs/cli.md, run by a shell in a folder with the files of `examples/`. */
const home = temporaryFolder();
const bin = join(home, 'bin');
const documented = documentedCommands('docs/cli.md', 'easel');
const withVariables = documentedCommands('docs/cli.md', 'EASEL_BACKEND_TOKEN=secret');
/** These go on until they are stopped: the example works when it has printed its URL. */
const SERVERS = /^easel (serve|engine)\b/;
const PLACEHOLDER_URL = 'http://127.0.0.1:8188';

let engineUrl = '';
beforeAll(async () => {
  mkdirSync(bin);
  writeFileSync(join(bin, 'easel'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  chmodSync(join(bin, 'easel'), 0o755);
  ({ url: engineUrl } = await startEngine(['--models', writeModels()]));
});

/** A server that has what the examples need, as a real one would. */
function writeModels(): string {
  const path = join(home, 'models.json');
  writeFileSync(
    path,
    JSON.stringify({
      checkpoints: ['v1-5-pruned-emaonly-fp16.safetensors'],
      upscale_models: ['RealESRGAN_x4plus.pth'],
    }),
  );
  return path;
}

function shell(command: string, cwd: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const isServer = SERVERS.test(command);
    const child = spawn('sh', ['-c', isServer ? `exec ${command}` : command], {
      cwd,
      // `serve` has a port of its own in its configuration, which may be taken.
      env: cleanEnvironment({ ...FAST, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`, EASEL_HTTP_PORT: '0' }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8');
      if (isServer && stdout.includes('\n')) child.kill('SIGTERM');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8');
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

describe('docs/cli.md', () => {
  it('lists every command', async () => {
    const { stdout } = await shell('easel --help', home);
    const [, list = ''] = stdout.split('Commands:');
    const commands = [...list.matchAll(/^ {2}([a-z]+)/gm)].flatMap(([, name = '']) => (name === 'help' ? [] : name));
    const [table = ''] = (readText('docs/cli.md') ?? '').split('\n## ');
    const listed = [...table.matchAll(/`easel ([a-z]+)/g)].map(([, name]) => name);
    expect(commands.length).toBeGreaterThan(7);
    expect(commands.filter((name) => !listed.includes(name))).toEqual([]);
  });

  it('has an example of every command that it explains', () => {
    const shown = new Set(documented.map(({ command }) => command.split(' ')[1]));
    expect([...shown].sort()).toEqual(['config', 'convert', 'doctor', 'engine', 'inspect', 'run', 'serve']);
  });

  describe.skipIf(process.platform === 'win32')('its examples work', () => {
    const folder = join(home, 'work');
    beforeAll(() => cpSync(join(root, 'examples'), folder, { recursive: true }));

    it.each([...documented, ...withVariables].map(({ command, line }) => ({ line, command })))(
      'line $line: $command',
      async ({ command }) => {
        const { code, stderr } = await shell(command.replaceAll(PLACEHOLDER_URL, engineUrl), folder);
        expect(code, stderr).toBe(0);
        expect(stderr).not.toContain('error[');
      },
    );
  });
});
