import { EmbeddedEngine } from '../../src/embedded/index.js';
import { createCoreNodes } from '../../src/embedded/nodes/index.js';
import { recordingNodes } from '../../src/testing/recording-nodes.js';

/** An engine in a process of its own, to be killed. Arguments: data folder, port. Prints its address. */
const [dataDir = '', port = '0'] = process.argv.slice(2);
const rehearsal = { stepMs: 0, loadMs: 0, previewSize: 0, models: 'any' as const, standInImages: false };
const engine = new EmbeddedEngine({
  nodes: [...createCoreNodes({ rehearsal }), ...recordingNodes()],
  dataDir,
  port: Number(port),
  rehearsal,
});
const { url } = await engine.start();
process.stdout.write(`${url}\n`);
