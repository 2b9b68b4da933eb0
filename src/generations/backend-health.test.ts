import { expect, test } from 'vitest';
import type { BackendHealth } from '../backends/spec.js';
import { BackendError } from '../core/errors.js';
import { VirtualClock } from '../testing/index.js';
import { BackendHealthMachine, type BackendState, DEFAULT_HEALTH } from './backend-health.js';

const failure = (details: Record<string, unknown> = {}) =>
  new BackendError('backend_failed', 'It answered 500.', { details });

function setUp() {
  const clock = new VirtualClock();
  const told: BackendState[] = [];
  const machine = new BackendHealthMachine({
    clock,
    random: () => 0.999,
    options: DEFAULT_HEALTH,
    onChange: ({ state }) => told.push(state),
  });
  const look = (state: BackendHealth['state']) => machine.looked({ state, latencyMs: 1, checkedAt: clock.now() });
  return { clock, machine, told, look };
}

test('takes nothing until somebody has looked, then as many as it may have', () => {
  const { machine, look } = setUp();
  expect([machine.snapshot.state, machine.slots(4)]).toEqual(['booting', 0]);
  look('ready');
  expect([machine.snapshot.state, machine.slots(4)]).toEqual(['ready', 4]);
});

test('one failure asks for a look, and a good look is enough', () => {
  const { machine, look } = setUp();
  look('ready');
  machine.failed(failure());
  expect([machine.snapshot.state, machine.snapshot.circuit, machine.slots(4)]).toEqual(['ready', 'closed', 0]);
  look('ready');
  expect(machine.slots(4)).toBe(4);
});

test('failures in a row open the circuit; then one job may try; its failure opens it for longer', async () => {
  const { clock, machine, look } = setUp();
  look('ready');
  for (let count = 0; count < 3; count += 1) machine.failed(failure());
  expect([machine.snapshot.state, machine.snapshot.circuit]).toEqual(['unreachable', 'open']);
  const first = machine.snapshot.retryAt! - clock.now();
  look('ready');
  expect(machine.slots(4)).toBe(0);
  await clock.advance(first + 1);
  look('ready');
  expect([machine.snapshot.state, machine.snapshot.circuit, machine.slots(4)]).toEqual(['ready', 'half-open', 1]);
  machine.failed(failure());
  const second = machine.snapshot.retryAt! - clock.now();
  expect(Math.round(second / first)).toBe(2);
  await clock.advance(second + 1);
  look('ready');
  machine.accepted();
  expect([machine.snapshot.circuit, machine.slots(4)]).toEqual(['closed', 4]);
});

test('failures of one outage count once for the length of the pause', () => {
  const { machine, look } = setUp();
  look('ready');
  for (let count = 0; count < 3; count += 1) machine.failed(failure());
  const { retryAt } = machine.snapshot;
  for (let count = 0; count < 20; count += 1) machine.failed(failure());
  expect(machine.snapshot.retryAt).toBe(retryAt);
});

test('Retry-After opens the circuit at once and is kept to', async () => {
  const { clock, machine, look } = setUp();
  look('ready');
  machine.failed(new BackendError('backend_overloaded', 'Busy.', { details: { retryAfterMs: 60_000 } }));
  expect(machine.lookDueAt).toBe(clock.now() + 60_000);
  await clock.advance(59_999);
  look('ready');
  expect(machine.slots(1)).toBe(0);
  await clock.advance(2);
  look('ready');
  expect(machine.slots(1)).toBe(1);
});

test('tells what is out of reach from what is no ComfyUI, and looks less and less often', () => {
  const { clock, machine, told, look } = setUp();
  const pauses = [];
  for (let count = 0; count < 10; count += 1) {
    look('unreachable');
    pauses.push(machine.lookDueAt - clock.now());
  }
  expect(pauses.map(Math.round)).toEqual([250, 500, 1000, 1999, 3998, 7996, 14_993, 14_993, 14_993, 14_993]);
  look('wrong');
  look('ready');
  expect(told).toEqual(['unreachable', 'wrong', 'ready']);
});

test('a silent run stalls it until it is heard; one that does not stop, until it is gone', () => {
  const { machine, look } = setUp();
  look('ready');
  machine.silent('a', true);
  expect(machine.snapshot).toMatchObject({ state: 'stalled', stalledBy: ['a'] });
  machine.silent('a', false);
  expect(machine.slots(2)).toBe(2);
  machine.wedged('b');
  expect([machine.snapshot.state, machine.wedgedBy]).toEqual(['stalled', ['b']]);
  machine.freed('b');
  expect(machine.snapshot.state).toBe('ready');
});

test('draining wins over everything, and a new owner begins anew', () => {
  const { machine, look } = setUp();
  look('ready');
  machine.drain(true);
  look('unreachable');
  expect([machine.snapshot.state, machine.slots(2)]).toEqual(['draining', 0]);
  machine.drain(false);
  expect(machine.snapshot.state).toBe('unreachable');
  machine.reset();
  expect(machine.snapshot.state).toBe('booting');
});
