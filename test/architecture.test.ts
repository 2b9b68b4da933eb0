import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { importEffects, isMemberOf, machineTraces, readsEnvironment, visit } from './helpers/rules.js';
import {
  exists,
  folders,
  importsOf,
  packagesOf,
  parse,
  place,
  readText,
  type SourceFile,
  sourceFiles,
  trackedFiles,
} from './helpers/sources.js';

const BELOW_EASEL = [
  ...[
    'core',
    'config',
    'logger',
    'telemetry',
    'db',
    'graph',
    'outbound',
    'media',
    'points',
    'sessions',
    'access',
    'backup',
  ],
  ...['comfyui', 'comfydeploy', 'embedded', 'backends', 'workflows', 'generations', 'webhooks'],
] as const;

/**
 * The rooms of `src/` and what each may import: whatever is not listed here is forbidden. `docs/decisions/0001-rooms-and-imports.md`
 * says why. A room that is a single file (`easel`, `index`) stands in the same table.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  config: ['core'],
  db: ['core'],
  graph: ['core'],
  telemetry: ['core', 'db'],
  outbound: ['core'],
  media: ['core', 'db', 'outbound'],
  backup: ['core', 'db', 'media'],
  points: ['core', 'db', 'graph'],
  sessions: ['core', 'db'],
  access: ['core', 'db'],
  webhooks: ['core', 'db', 'outbound'],
  comfyui: ['core', 'graph'],
  embedded: ['core', 'graph', 'comfyui'],
  // The transport, its failures and multipart bodies are ComfyUI's.
  comfydeploy: ['core', 'graph', 'comfyui'],
  backends: ['core', 'graph', 'comfyui', 'comfydeploy', 'embedded'],
  workflows: ['core', 'db', 'graph', 'comfydeploy'],
  generations: ['core', 'db', 'graph', 'media', 'points', 'sessions', 'backends', 'workflows', 'webhooks', 'telemetry'],
  logger: ['core', 'config'],
  easel: [...BELOW_EASEL],
  http: [...BELOW_EASEL, 'easel', 'mcp'],
  // What a program elsewhere uses: it knows the API, and nothing of the server.
  client: [],
  // It speaks the API as any program does, within the process or from afar.
  mcp: ['core', 'client'],
  cli: [...BELOW_EASEL, 'easel', 'http', 'client', 'mcp'],
  testing: ['core', 'graph', 'comfyui', 'comfydeploy', 'embedded', 'backends'],
  index: [...BELOW_EASEL, 'easel', 'http'],
};

/** Libraries that belong to one job. Elsewhere they would tie a second room to the same choice. */
const PACKAGE_ROOMS: Readonly<Record<string, readonly string[]>> = {
  commander: ['cli'],
  libsql: ['db'],
  pg: ['db'],
  '@aws-sdk/client-s3': ['media'],
  'ipaddr.js': ['outbound'],
  standardwebhooks: ['webhooks', 'client'],
  'prom-client': ['telemetry'],
  chokidar: ['workflows'],
  '@modelcontextprotocol/sdk': ['mcp', 'cli'],
};

/** Rooms without an `index.ts`: core is imported file by file, the command line is entered through `main.ts`. */
const WITHOUT_INDEX = ['core', 'cli'];

/**
 * What other rooms may import of a room besides its `index.ts`: its contract with them, types above all, and what only one
 * of them needs and the others should not load.
 */
const DOORS = ['index.ts', 'types.ts', 'spec.ts', 'schema.ts', 'node.ts', 'nodes/index.ts', 'process-environment.ts'];

const MAX_SOURCE_LINES = 400;
const MAX_TEST_LINES = 600;

const source = sourceFiles('src');
const tests = [...sourceFiles('test'), ...source.filter((file) => file.isTest)];
const product = source.filter((file) => !file.isTest);

function roomOf(path: string): string {
  const [, first = ''] = path.split('/');
  return first.replace(/\.(test\.)?ts$/, '');
}

/** Fails with one line per fault, each saying what to do. */
function expectNone(faults: readonly string[]): void {
  if (faults.length > 0) expect.fail(`\n${faults.join('\n')}`);
}

describe('rooms', () => {
  it('are all in the table', () => {
    const unknown = [
      ...folders('src'),
      ...product.filter((file) => file.path.split('/').length === 2).map((file) => roomOf(file.path)),
    ]
      .filter((room) => !Object.hasOwn(ROOMS, room))
      .map(
        (room) =>
          `src/${room}: add the room and what it may import to ROOMS in test/architecture.test.ts, and to ARCHITECTURE.md`,
      );
    expectNone(unknown);
  });

  it('form an order: no room can reach itself', () => {
    const reach = (room: string, seen: Set<string>): Set<string> => {
      for (const next of ROOMS[room] ?? []) {
        if (seen.has(next)) continue;
        seen.add(next);
        reach(next, seen);
      }
      return seen;
    };
    expectNone(Object.keys(ROOMS).filter((room) => reach(room, new Set()).has(room)));
  });

  it('import only what the table allows', () => {
    const faults = source.flatMap((file) => {
      const room = roomOf(file.path);
      const allowed = [room, ...(ROOMS[room] ?? []), ...(file.isTest ? ['testing'] : [])];
      return importsOf(file)
        .filter((path) => !(file.isTest && path.startsWith('test/helpers/')))
        .filter((path) => !path.startsWith('src/') || !allowed.includes(roomOf(path)))
        .map(
          (path) =>
            `${file.path} imports ${path}: ${room} may import only ${allowed.join(', ')}. Pass what is needed through a constructor, or move the shared part down.`,
        );
    });
    expectNone(faults);
  });

  it('have one door each', () => {
    const missing = folders('src').filter((room) => !WITHOUT_INDEX.includes(room) && !exists(`src/${room}/index.ts`));
    expectNone(missing.map((room) => `src/${room} needs an index.ts with explicit named exports`));
    const stars = product
      .filter((file) => file.path.endsWith('/index.ts') && /^export \*/m.test(file.text))
      .map((file) => `${file.path}: name what is exported; "export *" makes everything public by accident`);
    expectNone(stars);
  });

  it('are entered by their door', () => {
    const faults = product.flatMap((file) =>
      importsOf(file)
        .filter((path) => {
          const [, room = '', ...inner] = path.split('/');
          if (room === roomOf(file.path) || room === 'core' || inner.length === 0) return false;
          return !DOORS.includes(inner.join('/'));
        })
        .map((path) => `${file.path} imports ${path}: export it from the index.ts of its room, or leave it inside`),
    );
    expectNone(faults);
  });

  it('keep their libraries to themselves', () => {
    const faults = product.flatMap((file) =>
      packagesOf(file)
        .filter((name) => PACKAGE_ROOMS[name]?.includes(roomOf(file.path)) === false)
        .map((name) => `${file.path} imports ${name}, which belongs to ${PACKAGE_ROOMS[name]?.join(', ')}`),
    );
    expectNone(faults);
  });
});

describe('files', () => {
  it('stay short enough to be read in one go', () => {
    const tooLong = (files: readonly SourceFile[], limit: number) =>
      files
        .filter((file) => file.lines > limit && !file.text.startsWith('// Generated from '))
        .map((file) => `${file.path} has ${file.lines} lines (limit ${limit}): split it by purpose`);
    expectNone([...tooLong(product, MAX_SOURCE_LINES), ...tooLong(tests, MAX_TEST_LINES)]);
  });

  it('have no effect when they are imported', () => {
    expectNone(product.filter((file) => file.path !== 'src/cli/main.ts').flatMap(importEffects));
  });

  it('leave the environment to config and the console to the command line', () => {
    const faults = product.flatMap((file) => {
      const room = roomOf(file.path);
      const found: string[] = [];
      visit(parse(file), (node) => {
        if (room !== 'config' && readsEnvironment(node))
          found.push(`${place(node)} reads the environment: add a setting to src/config and pass it in`);
        if (room !== 'cli' && isMemberOf(node, 'console'))
          found.push(`${place(node)} writes to the console: take a Logger by constructor`);
      });
      return found;
    });
    expectNone(faults);
  });

  it('name no machine and no package registry', (context) => {
    const files = trackedFiles();
    if (files === null) context.skip('this is no git checkout, so tracked files are unknown');
    const faults = (files ?? []).flatMap((path) =>
      (readText(path) ?? '')
        .split('\n')
        .flatMap((line, index) =>
          machineTraces(line).map((what) => `${path}:${index + 1} holds ${what}: ${line.trim().slice(0, 100)}`),
        ),
    );
    expectNone(faults);
  });
});

describe('tests', () => {
  it('are neither singled out nor left out without a reason', () => {
    // Helpers are exempt: that is where a skip for a whole suite gets its reason.
    const faults = tests
      .filter((file) => file.isTest)
      .flatMap((file) => {
        const found: string[] = [];
        visit(parse(file), (node) => {
          if (!ts.isPropertyAccessExpression(node)) return;
          const isRunner = /^(it|test|describe|suite|bench)\b/.test(node.expression.getText());
          if (isRunner && ['skip', 'only', 'todo', 'fails'].includes(node.name.text))
            found.push(`${place(node)} uses .${node.name.text}: use skipIf and print the reason, or remove it`);
          if (
            !isRunner &&
            node.name.text === 'skip' &&
            ts.isCallExpression(node.parent) &&
            node.parent.arguments.length === 0
          )
            found.push(`${place(node)} skips without a reason: pass it to skip()`);
        });
        return found;
      });
    expectNone(faults);
  });
});

describe('the rules themselves', () => {
  const effectsOf = (text: string) => importEffects({ path: 'src/x/y.ts', text, lines: 1, isTest: false }).length;

  it.each([
    'let count = 0;',
    'const cache = new Map<string, string>();',
    'const client = new Client();',
    'setInterval(() => {}, 1_000);',
    'export const text = readFileSync("x", "utf8");',
    'const platform = process.cwd();',
    'const value = await load();',
    'sharp.cache(false);',
    'if (condition) start();',
    'class Store { static shared = new Store(); }',
    'class Store { static { start(); } }',
  ])('find an effect in: %s', (text) => {
    expect(effectsOf(text)).toBeGreaterThan(0);
  });

  it.each([
    'const limits = new Map([["a", 1]]);',
    'const schema = z.object({ a: z.string() });',
    'export function start() { setInterval(() => new Thing(), 1_000); }',
    'const later = () => new Map();',
    'class Store { #cache = new Map(); }',
    'export type { A } from "./a.js"; interface B {} enum C { D }',
  ])('find none in: %s', (text) => {
    expect(effectsOf(text)).toBe(0);
  });

  it('see every way to reach the environment', () => {
    const found = [
      'process.env.A',
      'process["env"]',
      'const { env } = process;',
      'import { env as e } from "node:process";',
    ].filter((text) => {
      let reads = false;
      visit(parse({ path: 'x.ts', text, lines: 1, isTest: false }), (node) => {
        reads ||= readsEnvironment(node);
      });
      return reads;
    });
    expect(found).toHaveLength(4);
  });

  it('see traces of one machine, and only those', () => {
    const hits = (line: string) => machineTraces(line).length;
    const folder = ['', 'home', 'ann', 'ComfyUI'].join('/');
    expect(hits(`cd ${folder}`)).toBe(1);
    expect(hits(`https://${'registry'}.example.org/x`)).toBe(1);
    expect(hits('registry.get(name)')).toBe(0);
    expect(hits('https://example.org/home/page and ../work/x and ~/ComfyUI')).toBe(0);
  });
});
