import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE, type ErrorCode } from '../../src/core/errors.js';
import { type EaselOptions, easel, FAST, root, startEngine, temporaryFolder } from './easel.js';

/**
 * Each mistake that people make ends in one line with a code, one with a way out, and the exit code of the catalogue: in a
 * real process, and without anything on standard output.
 */
const lighthouse = join(root, 'examples', 'lighthouse.json');
const cwd = temporaryFolder();
let engineUrl = '';
let plainServer: Server;
let plainUrl = '';

const graph = {
  '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'here.safetensors' } },
  '2': { class_type: 'CLIPTextEncode', inputs: { text: 'a barn', clip: ['1', 1] } },
  '3': {
    class_type: 'KSampler',
    inputs: {
      seed: 1,
      steps: 2,
      cfg: 7,
      sampler_name: 'euler',
      scheduler: 'normal',
      denoise: 1,
      model: ['1', 0],
      positive: ['2', 0],
      negative: ['2', 0],
      latent_image: ['4', 0],
    },
  },
  '4': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
  '5': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['1', 2] } },
  '6': { class_type: 'SaveImage', inputs: { images: ['5', 0], filename_prefix: 'x' } },
};
type Nodes = Record<string, { class_type: string; inputs: Record<string, unknown> }>;

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(cwd, name), content);
  return name;
}

function graphFile(name: string, change: (graph: Nodes) => unknown): string {
  const changed = structuredClone(graph) as Nodes;
  change(changed);
  return file(name, JSON.stringify(changed));
}

const setting = (node: string, input: string, value: unknown) => (nodes: Nodes) =>
  Object.assign(nodes[node]!.inputs, { [input]: value });

async function expectError(
  args: readonly string[],
  code: ErrorCode,
  expectations: { readonly message: RegExp; readonly hint?: RegExp },
  options: EaselOptions = {},
): Promise<void> {
  const result = await easel(args, { cwd, ...options, env: { ...FAST, ...options.env } });
  const lines = result.stderr.trimEnd().split('\n');
  const error = lines.slice(-2);
  expect(error[0], result.stderr).toMatch(new RegExp(`^error\\[${code}\\]: `));
  expect(error[0]).toMatch(expectations.message);
  expect(error[1]).toMatch(/^ {2}\S.*\.$|^ {2}\S.*\?$/);
  if (expectations.hint) expect(error[1]).toMatch(expectations.hint);
  expect(result.stderr).not.toMatch(/\n\s+at /);
  expect(result.stdout).toBe('');
  expect(result.code).toBe(ERROR_CATALOGUE[code].exitCode);
}

beforeAll(async () => {
  file('models.json', JSON.stringify({ checkpoints: ['here.safetensors', 'other.safetensors'] }));
  plainServer = createServer((_request, response) => response.end('<html><body>Welcome to nginx!</body></html>'));
  await new Promise<void>((resolve) => plainServer.listen(0, '127.0.0.1', resolve));
  plainUrl = `http://127.0.0.1:${(plainServer.address() as AddressInfo).port}`;
  engineUrl = (await startEngine(['--models', join(cwd, 'models.json')])).url;
});
afterAll(() => {
  plainServer.closeAllConnections();
  plainServer.close();
});

describe('a file that is no workflow', () => {
  it('is not JSON', () =>
    expectError(['run', file('notes.txt', 'remember the milk')], 'file_not_a_workflow', {
      message: /notes\.txt is not JSON/,
    }));
  it('is cut off', () =>
    expectError(['run', file('cut.json', '{"1": {"class_type": "Save')], 'file_not_a_workflow', {
      message: /not valid JSON/,
    }));
  it('is JSON of another kind', () =>
    expectError(['run', file('package.json', '{"name": "x"}')], 'file_not_a_workflow', {
      message: /neither a workflow nor a graph/,
    }));
  it('is empty', () => expectError(['run', file('empty.json', '')], 'file_not_a_workflow', { message: /is empty/ }));
  it('is a picture without a workflow', async () => {
    const { default: sharp } = await import('sharp');
    const png = await sharp({ create: { width: 4, height: 4, channels: 3, background: '#000' } })
      .png()
      .toBuffer();
    await expectError(['run', file('bare.png', png)], 'file_not_a_workflow', { message: /without an embedded/ });
  });
  it('comes from standard input', () =>
    expectError(['run', '-'], 'file_not_a_workflow', { message: /Standard input is not JSON/ }, { input: 'x' }));
  it('is 100 MB large', async () => {
    truncateSync(join(cwd, file('huge.json', '{')), 100 * 1024 * 1024);
    await expectError(['run', 'huge.json'], 'payload_too_large', { message: /huge\.json \(105 MB\) is larger than/ });
  });
  it('is a folder', async () => {
    mkdirSync(join(cwd, 'folder'));
    await expectError(['run', 'folder'], 'file_unreadable', { message: /folder is a folder/ });
  });
  it('does not exist, and the nearest is named', async () => {
    file('portrait.json', '{}');
    await expectError(['run', 'potrait.json'], 'file_unreadable', {
      message: /does not exist/,
      hint: /"portrait\.json"/,
    });
  });
});

describe('a graph that the backend cannot run', () => {
  it('has an unknown node class', () =>
    expectError(
      ['run', graphFile('class.json', (nodes) => Object.assign(nodes['3']!, { class_type: 'KSamplr' }))],
      'backend_node_missing',
      { message: /KSamplr \(node 3\)/, hint: /Did you mean "KSampler"/ },
    ));
  it('has an unknown node class in UI format', () => {
    const text = JSON.stringify({
      nodes: [{ id: 1, type: 'MyCustomSaver', inputs: [{ name: 'images', type: 'IMAGE', link: null }] }],
      links: [],
    });
    return expectError(['run', file('ui-class.json', text)], 'backend_node_missing', { message: /MyCustomSaver/ });
  });
  it('names a model that the backend lacks', () =>
    expectError(
      ['run', graphFile('model.json', setting('1', 'ckpt_name', 'her.safetensors')), '--backend', engineUrl],
      'backend_model_missing',
      { message: /checkpoints\/her\.safetensors \(node 1/, hint: /Did you mean "here\.safetensors"/ },
    ));
  it('lacks an input', () =>
    expectError(
      ['run', graphFile('input.json', (nodes) => void delete nodes['3']!.inputs['latent_image'])],
      'graph_invalid',
      { message: /"latent_image" of node 3 \(KSampler\)/, hint: /--set 3\.latent_image=/ },
    ));
  it('has a value of the wrong type', () =>
    expectError(['run', graphFile('type.json', setting('3', 'steps', 'many'))], 'backend_rejected_graph', {
      message: /steps/,
    }));
  it('has a value out of range', () =>
    expectError(
      ['run', graphFile('range.json', setting('3', 'steps', 0)), '--backend', engineUrl],
      'backend_rejected_graph',
      { message: /steps/ },
    ));
  it('saves nothing', () =>
    expectError(['run', graphFile('nothing.json', (nodes) => void delete nodes['6'])], 'backend_rejected_graph', {
      message: /output/i,
    }));
  it('reads a picture that the backend lacks', () =>
    expectError(
      [
        'run',
        graphFile('picture.json', (nodes) => {
          nodes['7'] = { class_type: 'LoadImage', inputs: { image: 'nowhere.png' } };
          nodes['6']!.inputs['images'] = ['7', 0];
        }),
        '--backend',
        engineUrl,
      ],
      'graph_input_invalid',
      { message: /Node 7 \(LoadImage\) reads "nowhere\.png", which the backend does not have/, hint: /--image 7=PATH/ },
    ));
});

describe('values of the command line', () => {
  it('for an unknown input', () =>
    expectError(['run', lighthouse, '--set', '3.stps=4'], 'graph_input_unknown', {
      message: /no input "stps"/,
      hint: /steps/,
    }));
  it('for an unknown node', () =>
    expectError(['run', lighthouse, '--set', 'KSamplr.steps=4'], 'graph_input_unknown', {
      message: /KSamplr/,
      hint: /KSampler/,
    }));
  it('of the wrong type', () =>
    expectError(['run', lighthouse, '--set', '3.steps=many'], 'graph_input_invalid', {
      message: /takes a whole number/,
    }));
  it('that are no choice', () =>
    expectError(['run', lighthouse, '--set', '3.sampler_name=eulr'], 'graph_input_invalid', {
      message: /eulr/,
      hint: /"euler"/,
    }));
  it('for a file that nothing reads', () =>
    expectError(['run', lighthouse, '--image', 'a=b.png'], 'graph_input_unknown', { message: /reads no file/ }));
  it('with a file that is not there', () =>
    expectError(['run', join(root, 'examples', 'upscale.json'), '--image', 'image=nowhere.png'], 'file_unreadable', {
      message: /nowhere\.png does not exist/,
    }));
  it('with a file that is no picture', () =>
    expectError(
      ['run', join(root, 'examples', 'upscale.json'), '--image', `image=${file('song.txt', 'la la')}`],
      'media_invalid',
      {
        message: /song\.txt: The file is of no kind that is known here/,
        hint: /image\/png/,
      },
    ));
});

describe('a command line that cannot be understood', () => {
  it.each([
    ['an option', ['run', lighthouse, '--promt', 'x'], /unknown option '--promt'.*Did you mean --prompt\?/i],
    ['a command', ['rn', lighthouse], /unknown command 'rn'.*Did you mean run\?/i],
    ['no file', ['run'], /missing required argument 'file'/i],
    ['a seed', ['run', lighthouse, '--seed', '-1'], /"-1" is not a seed/],
    ['a seed too large', ['run', lighthouse, '--seed', '18446744073709551616'], /is not a seed/],
    ['a time', ['run', lighthouse, '--timeout', 'soon'], /"soon" is not a length of time/],
    ['an assignment', ['run', lighthouse, '--set', 'steps'], /not of the form name=value/],
    ['a pattern', ['run', lighthouse, '--out', '{sed}.png'], /Did you mean \{seed\}\?/],
    ['a backend', ['run', lighthouse, '--backend', 'gpu'], /neither an http or https URL/],
    ['a header without a backend', ['run', lighthouse, '--header', 'a: b'], /--header is for a ComfyUI server/],
    ['a port', ['engine', '--port', '99999'], /"99999" is not a port/],
    ['a release', ['engine', '--release', '9'], /cannot be played/],
  ])('%s', (_name, args, message) => expectError(args, 'usage_invalid', { message }));

  it('a setting, by the right name', () =>
    expectError(
      ['config'],
      'config_invalid',
      { message: /EASEL_LIMITS_RUNMS.*Did you mean "EASEL_LIMITS_RUN_MS"\?/ },
      {
        env: { EASEL_LIMITS_RUNMS: '5' },
      },
    ));
});

describe('a backend', () => {
  it('that is not there', () =>
    expectError(['run', lighthouse, '--backend', 'http://127.0.0.1:9'], 'backend_unreachable', {
      message: /Cannot reach http:\/\/127\.0\.0\.1:9: the connection was refused/,
      hint: /easel doctor/,
    }));
  it('that is not a ComfyUI', () =>
    expectError(['run', lighthouse, '--backend', plainUrl], 'backend_not_comfyui', {
      message: /web page/,
      hint: /8188/,
    }));
  it('whose password is not shown', async () => {
    const result = await easel(['run', lighthouse, '--backend', 'http://ann:hunter2@127.0.0.1:9'], { cwd, env: FAST });
    expect(result.stderr).toContain('backend_unreachable');
    expect(result.stderr + result.stdout).not.toContain('hunter2');
  });
});

describe('with --json', () => {
  it('the error is JSON on standard output', async () => {
    const result = await easel(['run', 'nowhere.json', '--json'], { cwd });
    expect(JSON.parse(result.stdout)).toMatchObject({ error: { code: 'file_unreadable', retryable: false } });
    expect(result.stderr).toBe('');
    expect(result.code).toBe(2);
  });
  it('so is that of the command line', async () => {
    const result = await easel(['run', '--json', '--promt', 'x'], { cwd });
    expect(JSON.parse(result.stdout)).toMatchObject({ error: { code: 'usage_invalid' } });
    expect(result.code).toBe(2);
  });
});

it('a stack trace is for those who ask for it', async () => {
  const { stderr } = await easel(['run', 'nowhere.json'], { cwd, env: { EASEL_DEBUG: '1' } });
  expect(stderr).toMatch(/\n\s+at /);
});
