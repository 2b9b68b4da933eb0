/** Helpers for tests of code that uses Easel (`easel/testing`): time, order and chance under the test's control. */

export { VirtualClock } from './clock.js';
export type { FakeDeployment } from './comfydeploy-deployments.js';
export type { ComfyDeployFaults, RouteError } from './comfydeploy-faults.js';
export type { FakeFile, FakeJob, FakeJobOutput, FakeMachine, FakeRun } from './comfydeploy-runs.js';
export { FakeBackend, type SubmitScript } from './fake-backend.js';
export { FakeComfyDeploy, type FakeComfyDeployOptions } from './fake-comfydeploy.js';
export { Deferred, Latch } from './latch.js';
export { manualRandom } from './random.js';
