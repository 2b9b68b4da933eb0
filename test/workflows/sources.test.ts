import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { EaselError, GraphError } from '../../src/core/errors.js';
import { silentLogger } from '../../src/core/log.js';
import { VirtualClock } from '../../src/testing/index.js';
import {
  type Deployment,
  FolderSource,
  type SourceItem,
  Sources,
  type WorkflowSource,
} from '../../src/workflows/index.js';
import { describeEachDatabase } from '../helpers/databases.js';
import { pictureFile, pictureGraph } from '../helpers/picture-graph.js';
import { openWorkflows } from './harness.js';

const folders: string[] = [];
const running: Sources[] = [];
afterEach(async () => {
  for (const sources of running.splice(0)) await sources.stop();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): {
  readonly path: string;
  write(name: string, content: unknown): void;
  remove(name: string): void;
} {
  const path = mkdtempSync(join(tmpdir(), 'easel-sources-'));
  folders.push(path);
  return {
    path,
    write: (name, content) =>
      writeFileSync(join(path, name), typeof content === 'string' ? content : JSON.stringify(content)),
    remove: (name) => rmSync(join(path, name)),
  };
}

/** A source whose content a test sets. A string is a fault; null is a source that cannot be read. */
class FakeSource implements WorkflowSource {
  readonly kind = 'fake';
  readonly place = 'nowhere';
  readonly refreshMs = 60_000;
  passes = 0;
  reads = 0;
  items: Record<string, number | string> | null = {};
  deployments: readonly string[] | undefined;

  constructor(readonly id = 'fake') {}

  async *load(): AsyncGenerator<SourceItem, void> {
    this.passes += 1;
    if (this.items === null) throw new EaselError('database_unavailable', 'It is down.');
    for (const [name, steps] of Object.entries(this.items)) {
      const read = async () => {
        this.reads += 1;
        if (typeof steps === 'string') throw new GraphError('file_not_a_workflow', steps);
        const deployments = this.deployments?.map((deploymentId) => ({ deploymentId, backendId: 'cd' }));
        return {
          file: pictureFile({ steps }),
          manifest: {},
          ...(deployments === undefined ? {} : { deployments }),
        };
      };
      yield { key: `${name}.json`, name, revision: `${steps} ${this.deployments}`, read };
    }
  }
}

describeEachDatabase('sources', ({ createDb }) => {
  async function open(...given: WorkflowSource[]) {
    const db = await createDb();
    const clock = new VirtualClock();
    const workflows = openWorkflows(db, clock);
    const make = () => {
      const sources = new Sources({ db, clock, logger: silentLogger, workflows, sources: given });
      running.push(sources);
      return sources;
    };
    const enabled = async () =>
      Object.fromEntries((await workflows.list()).map(({ name, enabled: isOn }) => [name, isOn]));
    return { clock, workflows, make, sources: make(), enabled };
  }

  test('what is new is added, what changed is a new version, what is as it was is not read', async () => {
    const source = new FakeSource();
    const { sources, workflows } = await open(source);
    source.items = { cat: 1, dog: 1 };
    expect(await sources.refresh()).toMatchObject([
      { id: 'fake', count: 2, faults: [], error: null, staleSince: null },
    ]);
    source.items = { cat: 1, dog: 2 };
    await sources.refresh('fake');
    expect(source.reads).toBe(3);
    expect(await workflows.get('dog')).toMatchObject({ source: 'fake', latest: { number: 2 } });
    expect(await workflows.get('cat')).toMatchObject({ latest: { number: 1 } });
    await expect(sources.refresh('fakes')).rejects.toMatchObject({
      code: 'request_invalid',
      hint: expect.stringContaining('fake'),
    });
  });

  test('a broken item is reported, stays as it was, and does not stop the rest', async () => {
    const source = new FakeSource();
    const { sources, workflows, enabled } = await open(source);
    source.items = { ant: 1, cat: 1, dog: 1 };
    await sources.refresh();
    source.items = { ant: 'no JSON', bee: 'no JSON either', cat: 2, dog: 1 };
    await sources.refresh();
    expect(sources.states()).toMatchObject([
      {
        faults: [
          { item: 'ant.json', code: 'file_not_a_workflow', message: 'no JSON' },
          { item: 'bee.json', code: 'file_not_a_workflow', message: 'no JSON either' },
        ],
      },
    ]);
    expect(await enabled()).toEqual({ ant: true, cat: true, dog: true });
    expect(await workflows.get('cat')).toMatchObject({ latest: { number: 2 } });
    source.items = { ant: 1, cat: 2, dog: 1 };
    expect(await sources.refresh()).toMatchObject([{ faults: [], count: 3 }]);
    expect(await workflows.get('ant')).toMatchObject({ latest: { number: 1 } });
  });

  test('what goes is turned off and what comes back is turned on, but not what a person turned off; also over a restart', async () => {
    const source = new FakeSource();
    const { sources, make, workflows, enabled } = await open(source);
    source.items = { cat: 1, dog: 1, emu: 1 };
    await sources.refresh();
    await workflows.setEnabled('dog', false);
    source.items = { emu: 1 };
    await sources.refresh();
    expect(await enabled()).toEqual({ cat: false, dog: false, emu: true });
    source.items = { cat: 1, dog: 1, emu: 1 };
    await make().refresh();
    expect(await enabled()).toEqual({ cat: true, dog: false, emu: true });
    await make().refresh();
    expect(await enabled()).toEqual({ cat: true, dog: false, emu: true });
    // Gone, turned on by a person, and then off again: that was the last word.
    source.items = { emu: 1 };
    await sources.refresh();
    await workflows.setEnabled('cat', true);
    await workflows.setEnabled('cat', false);
    await sources.refresh();
    source.items = { cat: 1, dog: 1, emu: 1 };
    await sources.refresh();
    expect(await enabled()).toEqual({ cat: false, dog: false, emu: true });
  });

  test('a source that cannot be read changes nothing, backs off, and says since when', async () => {
    const source = new FakeSource();
    const { sources, clock, enabled } = await open(source);
    source.items = { cat: 1 };
    sources.start();
    await vi.waitFor(() => expect(sources.states()[0]?.lastRunAt).not.toBeNull());
    source.items = null;
    const downAt = clock.now() + 60_000;
    const pauses: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const { nextRunAt } = sources.states()[0]!;
      pauses.push(nextRunAt! - clock.now());
      const { passes } = source;
      await clock.advance(nextRunAt! - clock.now());
      await vi.waitFor(() => {
        expect(source.passes).toBe(passes + 1);
        expect(sources.states()[0]?.nextRunAt).not.toBeNull();
      });
    }
    expect(pauses).toEqual([60_000, 1_000, 2_000, 4_000, 8_000]);
    expect(sources.states()).toMatchObject([{ staleSince: downAt, error: { code: 'database_unavailable' }, count: 1 }]);
    expect(await enabled()).toEqual({ cat: true });
    source.items = { cat: 1 };
    expect(await sources.refresh()).toMatchObject([{ staleSince: null, error: null }]);
    await sources.stop();
    expect(clock.pending).toBe(0);
  });

  test('the workflow of somebody else is not taken over', async () => {
    const [one, two] = [new FakeSource('one'), new FakeSource('two')];
    const { sources, workflows } = await open(one, two);
    await workflows.add({ name: 'cat', file: pictureFile({ steps: 7 }) });
    one.items = { cat: 1, dog: 1 };
    two.items = { dog: 2 };
    await sources.refresh('one');
    await sources.refresh('two');
    expect(sources.states().map(({ faults }) => faults.map(({ item, code }) => [item, code]))).toEqual([
      [['cat.json', 'workflow_name_taken']],
      [['dog.json', 'workflow_name_taken']],
    ]);
    expect((await workflows.version('cat')).graph['3']?.inputs['steps']).toBe(7);
  });

  test('deployments come and go, and keep what was set here', async () => {
    const source = new FakeSource();
    const { sources, workflows } = await open(source);
    source.items = { cat: 1 };
    source.deployments = ['a', 'b'];
    await sources.refresh();
    const targetOf = ({ target }: Deployment) => (target.kind === 'comfydeploy' ? target.deploymentId : '');
    const a = (await workflows.deployments.list()).find((one) => targetOf(one) === 'a');
    expect(a).toMatchObject({ workflow: 'cat', source: 'fake', target: { backendId: 'cd' } });
    await workflows.deployments.update(a!.id, { weight: 7, contexts: ['cook'] });
    const shown = async () =>
      (await workflows.deployments.list()).map((one) => [targetOf(one), one.weight, one.enabled]).sort();
    source.deployments = ['b'];
    await sources.refresh();
    expect(await shown()).toEqual([
      ['a', 7, false],
      ['b', 100, true],
    ]);
    source.deployments = ['b', 'a'];
    await sources.refresh();
    expect(await shown()).toEqual([
      ['a', 7, true],
      ['b', 100, true],
    ]);
  });

  test('a folder: files, manifests and subfolders; what is broken is named', async () => {
    const folder = makeFolder();
    mkdirSync(join(folder.path, 'more'));
    mkdirSync(join(folder.path, '.git'));
    folder.write('cat.json', pictureGraph());
    folder.write('cat.easel.json', { easel: 1, name: 'tabby', type: 'make' });
    folder.write('more/My dog.json', pictureGraph());
    folder.write('.git/x.json', 'nothing');
    folder.write('broken.json', '{"3": ');
    folder.write('odd.json', pictureGraph());
    folder.write('odd.easel.json', 'no JSON');
    const source = new FolderSource({ id: 'folder', path: folder.path, refreshMs: 60_000 });
    const { sources, workflows, make } = await open(source);
    await sources.refresh();
    expect((await workflows.list()).map(({ name, type }) => [name, type])).toEqual([
      ['My-dog', null],
      ['tabby', 'MAKE'],
    ]);
    expect(sources.states()[0]?.faults.map(({ item, code }) => [item, code])).toEqual([
      ['broken.json', 'file_not_a_workflow'],
      ['odd.json', 'workflow_manifest_invalid'],
    ]);
    // A broken manifest is no reason to lose the workflow that it named.
    folder.write('cat.easel.json', 'no JSON');
    await sources.refresh();
    expect((await workflows.get('tabby')).enabled).toBe(true);
    // Nor when Easel starts anew, and nothing says any more which file it was.
    expect(await make().refresh()).toMatchObject([{ faults: [{ item: 'broken.json' }, { item: 'cat.json' }, {}] }]);
    expect((await workflows.get('tabby')).enabled).toBe(true);
    rmSync(folder.path, { recursive: true });
    expect(await sources.refresh()).toMatchObject([{ error: { code: 'file_unreadable' } }]);
    expect((await workflows.get('tabby')).enabled).toBe(true);
  });

  test('a folder without any workflow turns none off: it may not be mounted', async () => {
    const folder = makeFolder();
    const source = new FolderSource({ id: 'folder', path: folder.path, refreshMs: 60_000 });
    const { sources, workflows, make, enabled } = await open(source);
    expect(await sources.refresh()).toMatchObject([{ count: 0, error: null }]);
    for (const name of ['cat', 'dog']) folder.write(`${name}.json`, pictureGraph());
    await sources.refresh();
    for (const name of ['cat', 'dog']) folder.remove(`${name}.json`);
    folder.write('notes.txt', 'not a workflow');
    const empty = { code: 'file_unreadable', message: expect.stringContaining('has no workflow any more, and had 2') };
    // Also where nothing is remembered of the pass before.
    for (const one of [sources, make()]) {
      expect(await one.refresh()).toMatchObject([{ error: empty, staleSince: expect.any(Number) }]);
      expect(await enabled()).toEqual({ cat: true, dog: true });
    }
    folder.write('cat.json', pictureGraph());
    expect(await sources.refresh()).toMatchObject([{ count: 1, error: null, staleSince: null }]);
    expect(await enabled()).toEqual({ cat: true, dog: false });
    folder.remove('cat.json');
    await sources.refresh();
    expect(sources.states()).toMatchObject([
      { error: { hint: expect.stringContaining('easel workflows remove cat') } },
    ]);
    await workflows.remove('cat');
    expect(await sources.refresh()).toMatchObject([{ count: 0, error: null }]);
  });

  test('a folder is followed: a save that replaces the file is one new version', async () => {
    const folder = makeFolder();
    for (const name of ['cat', 'dog']) folder.write(`${name}.json`, pictureGraph());
    const source = new FolderSource({ id: 'folder', path: folder.path, refreshMs: 3_600_000 });
    const { sources, workflows, clock } = await open(source);
    const changed = vi.fn();
    const watch = source.watch.bind(source);
    let ready: Promise<unknown> = Promise.resolve();
    source.watch = (onChange) => {
      const watching = watch(() => {
        changed();
        onChange();
      });
      ready = new Promise((resolve) => (watching as unknown as NodeJS.EventEmitter).once('ready', resolve));
      return watching;
    };
    sources.start();
    await ready;
    await sources.refresh();
    const follow = async (act: () => void, see: () => Promise<void>) => {
      changed.mockClear();
      act();
      await vi.waitFor(() => expect(changed).toHaveBeenCalled(), 5_000);
      await vi.waitFor(async () => {
        await clock.advance(300);
        await see();
      }, 5_000);
    };
    await follow(
      () => {
        folder.write('.cat.json.tmp', pictureGraph({ steps: 9 }));
        renameSync(join(folder.path, '.cat.json.tmp'), join(folder.path, 'cat.json'));
      },
      async () => expect(await workflows.get('cat')).toMatchObject({ latest: { number: 2 }, enabled: true }),
    );
    await follow(
      () => folder.remove('cat.json'),
      async () => expect(await workflows.get('cat')).toMatchObject({ enabled: false }),
    );
    await follow(
      () => folder.write('cat.json', pictureGraph({ steps: 9 })),
      async () => expect(await workflows.get('cat')).toMatchObject({ latest: { number: 2 }, enabled: true }),
    );
  });
});
