import { spawn } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { cleanEnvironment, EaselProcess, easel, FAST, root, temporaryFolder } from '../e2e/easel.js';
import { runInProcess } from '../e2e/in-process.js';
import { documentedCommands } from '../helpers/documents.js';
import { expectGenerated } from '../helpers/generated.js';
import { readText } from '../helpers/sources.js';

const BEGIN = '<!-- begin: examples/client.mjs -->';
const END = '<!-- end -->';
const words = (command: string) => command.split(' ').slice(1);

describe('docs/client.md', () => {
  test('shows the example as it is', () => {
    const text = readText('docs/client.md') ?? '';
    const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
    expect(begin).toBeGreaterThan(0);
    const example = readFileSync(join(root, 'examples/client.mjs'), 'utf8').trimEnd();
    const shown = `${text.slice(0, begin + BEGIN.length)}\n\`\`\`js\n${example}\n\`\`\`\n${text.slice(end)}`;
    expectGenerated('docs/client.md', shown);
  });

  test('its commands lead to a picture', async () => {
    const cwd = temporaryFolder();
    cpSync(join(root, 'examples/workflows'), cwd, { recursive: true });
    const [add, serve, types] = documentedCommands('docs/client.md', 'easel').map(({ command }) => words(command));
    const [run] = documentedCommands('docs/client.md', 'node');
    expect((await easel(add ?? [], { cwd, env: FAST })).stderr).toBe('');
    const server = new EaselProcess([...(serve ?? []), '--port', '0'], { cwd, env: FAST });
    const [, url = ''] = await server.output('stdout', /^(http:\S+)\n/);
    const script = join(root, run?.command.split(' ')[1] ?? '');
    const child = spawn(process.execPath, [script, url], { cwd, env: cleanEnvironment({}) });
    let output = '';
    child.stdout.on('data', (piece: Buffer) => {
      output += piece.toString();
    });
    child.stderr.on('data', (piece: Buffer) => {
      output += piece.toString();
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(output).toMatch(/postcard\.png: \d+ bytes, generation [0-9a-f-]{36}\n$/);
    expect(code).toBe(0);
    expect((await sharp(join(cwd, 'postcard.png')).metadata()).format).toBe('png');
    expect((await easel(types ?? [], { cwd, env: FAST })).stderr).toBe('');
    expect(readFileSync(join(cwd, 'easel-workflows.ts'), 'utf8')).toMatch(
      /"?postcard"?: \{[\s\S]*readonly scene: string;/,
    );
    await server.stop();
  });
});

describe('docs/webhooks.md and docs/mcp.md', () => {
  test('their commands work', async () => {
    const cwd = temporaryFolder();
    const run = (args: readonly string[]) => runInProcess(args, { cwd });
    const commands = documentedCommands('docs/webhooks.md', 'easel').map(({ command }) => words(command));
    expect(commands.map(([, name]) => name)).toEqual(['add', 'list', 'deliveries', 'test']);
    const [add = [], list = [], deliveries = [], sendTest = []] = commands;
    const added = await run(add);
    expect(added.stdout).toMatch(/^whsec_[A-Za-z0-9+/=]+\n$/);
    const listed = await run(list);
    expect(listed.stdout).toMatch(/^[0-9a-f-]{36} {2}on {2}https:\/\/example\.com\/hooks\/easel\n$/);
    const id = listed.stdout.slice(0, 36);
    const withId = (args: readonly string[]) => args.map((word) => (word === 'ID' ? id : word));
    expect((await run(withId(sendTest))).stdout).toMatch(/^Message [0-9a-f-]{36} is in the outbox/);
    const shown = await run(withId(deliveries));
    expect(shown.stdout).toMatch(/ {2}webhook\.test {2}pending \(tries: 0, next /);
    const message = shown.stdout.slice(0, 36);
    expect((await run(['webhooks', 'redeliver', id, message])).code).toBe(0);
    const { stdout: rotated } = await run(['webhooks', 'rotate', id]);
    expect(rotated).toMatch(/^whsec_/);
    expect(rotated).not.toBe(added.stdout);
    expect((await run(['webhooks', 'remove', id])).stdout).toBe('Removed.\n');
    expect((await run(['webhooks', 'add', 'http://127.0.0.1/'])).stderr).toMatch(/error\[outbound_forbidden\]/);
    expect((await run(['webhooks', 'add', 'https://example.com', '--event', 'x'])).stderr).toMatch(/there is no "x"/);

    const [create] = documentedCommands('docs/mcp.md', 'easel');
    const made = await run(words(create?.command ?? ''));
    expect(made.stdout).toMatch(/^easel_[A-Za-z0-9_-]{43}\n$/);
    const keys = await run(['keys', 'list']);
    expect(keys.stdout).toMatch(/^easel_.{6}… {2}assistant {2}local {2}works {2}never used {2}generations:read, /);
    expect(keys.stdout).not.toContain(made.stdout.trim());
    const prefix = keys.stdout.slice(0, 12);
    const second = await run(['keys', 'rotate', prefix, '--overlap', '1s']);
    expect(second.stdout).toMatch(/^easel_/);
    expect((await run(['keys', 'list', '--json'])).stdout).not.toContain(second.stdout.trim());
    expect((await run(['keys', 'revoke', prefix])).code).toBe(0);
    expect((await run(['keys', 'create', '--scope', 'sing'])).stderr).toMatch(/there is no scope "sing"/);
  });
});
