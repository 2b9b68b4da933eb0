import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { EaselProcess, easel, FAST, temporaryFolder } from '../e2e/easel.js';
import { documentedCommands } from '../helpers/documents.js';
import { parseCommands } from '../http/curl.js';
import { picture } from './harness.js';

/** Every example of docs/media.md, in its order: the requests to one server, the commands beside it. */
const text = readFileSync(new URL('../../docs/media.md', import.meta.url), 'utf8');
const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');

describe('docs/media.md', () => {
  const home = temporaryFolder();
  const env = { ...FAST, EASEL_LOG_LEVEL: 'silent' };
  let photo: Buffer;
  let url = '';

  beforeAll(async () => {
    photo = await picture('png', 200, 120);
    writeFileSync(join(home, 'photo.png'), photo);
    const server = new EaselProcess(['serve', '--port', '0'], { cwd: home, env: FAST });
    [, url = ''] = await server.output('stdout', /(http:\/\/[\d.]+:\d+)/);
  });

  it('has requests that answer as it says', async () => {
    const variables: Record<string, string> = { EASEL: url };
    let ran = 0;
    for (const command of blocks.flatMap((block) => parseCommands(block))) {
      const { url: address, headers, method, body, expected } = command(variables, { 'photo.png': photo });
      const answer = await fetch(address, { method, headers, ...(body === undefined ? {} : { body }) });
      const told = Buffer.from(await answer.arrayBuffer());
      expect(answer.status, `${method} ${address}: ${told}`).toBe(expected);
      ran += 1;
      if (answer.status === 201) variables['MEDIA_ID'] = JSON.parse(told.toString()).media_id as string;
    }
    expect(ran).toBe(blocks.join('').match(/^curl /gm)?.length);
    expect(ran).toBeGreaterThan(8);
  });

  it('has commands that do as it says', async () => {
    const run = async (command: string) => {
      const args = command.split(/\s+/).slice(1);
      const { code, stdout, stderr } = await easel(args, { cwd: home, env });
      expect(code, `${command}\n${stdout}${stderr}`).toBe(0);
      return stdout;
    };
    const commands = documentedCommands('docs/media.md', 'easel');
    expect(commands.length).toBeGreaterThan(8);
    for (const { command } of commands) {
      const [first] = JSON.parse(await run('easel media list --json')).files;
      await run(command.replaceAll('$MEDIA_ID', first?.id ?? 'none'));
    }
    expect(await sharp(join(home, 'thumbnail.webp')).metadata()).toMatchObject({ width: 200, format: 'webp' });
    expect(await sharp(join(home, 'small.avif')).metadata()).toMatchObject({ width: 32, format: 'heif' });
  }, 120_000);

  it('and the command tells what is wrong', async () => {
    const fails = async (...args: string[]) => {
      const { code, stderr } = await easel(args, { cwd: home, env });
      return { code, stderr };
    };
    writeFileSync(join(home, 'page.png'), '<html>');
    expect(await fails('media', 'put', 'page.png')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('accepted'),
    });
    expect(await fails('media', 'put', 'none.png')).toMatchObject({ code: 2 });
    expect(await fails('media', 'put', 'http://169.254.169.254/x.png')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('public internet'),
    });
    expect(await fails('media', 'show', 'nothing')).toMatchObject({ code: 2 });
    expect(await fails('accounts', 'delete', 'ann')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    });
  }, 120_000);

  it('and an output of a run is shown with where it comes from', async () => {
    const graph = {
      '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'a.safetensors' } },
      '2': { class_type: 'CLIPTextEncode', inputs: { clip: ['1', 1], text: 'x' } },
      '3': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
      '4': {
        class_type: 'KSampler',
        inputs: {
          ...{ model: ['1', 0], positive: ['2', 0], negative: ['2', 0], latent_image: ['3', 0] },
          ...{ seed: 7, steps: 1, cfg: 1, sampler_name: 'euler', scheduler: 'normal', denoise: 1 },
        },
      },
      '5': { class_type: 'VAEDecode', inputs: { samples: ['4', 0], vae: ['1', 2] } },
      '6': { class_type: 'SaveImage', inputs: { images: ['5', 0], filename_prefix: 'x' } },
    };
    const answer = await fetch(`${url}/v1/generations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=30' },
      body: JSON.stringify({ graph }).replace('"seed":7', '"seed":18446744073709551615'),
    });
    expect(await answer.json()).toMatchObject({ status: 'succeeded' });
    const list = await easel(['media', 'list', '--json'], { cwd: home, env });
    const [file] = JSON.parse(list.stdout).files;
    const { stdout } = await easel(['media', 'show', file.id], { cwd: home, env });
    expect(stdout).toMatch(/models +checkpoints:a\.safetensors/);
    expect(stdout).toMatch(/seed +18446744073709551615 \(4\.seed\)/);
    expect(stdout).toMatch(/backend +embedded/);
    const asJson = await easel(['media', 'show', file.id, '--json'], { cwd: home, env });
    expect(asJson.stdout).toContain('"seed": 18446744073709551615');
    const info = await (await fetch(`${url}/v1/media/${file.id}`)).text();
    expect(info).toContain('"seed":18446744073709551615');
  }, 120_000);
});
