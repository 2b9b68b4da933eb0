/** Helpers for tests of code that uses Easel (`easel/testing`): time, order and chance under the test's control. */

export { VirtualClock } from './clock.js';
export { FakeBackend, type SubmitScript } from './fake-backend.js';
export { Deferred, Latch } from './latch.js';
export { manualRandom } from './random.js';
