import { isDeepStrictEqual } from 'node:util';
import type { AttemptResult, SubmitOutcome } from '../../../src/backends/index.js';
import { type ExpectedEnd, expectedRefusalCodes } from './expectations.js';
import { isRecord } from './recording.js';

/** Comparisons. Each returns what is wrong; empty when nothing is. */
export function same(what: string, actual: unknown, expected: unknown): readonly string[] {
  if (isDeepStrictEqual(actual, expected)) return [];
  return [`${what}: ${show(actual)} instead of ${show(expected)}`];
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

export function checkSubmit(
  outcome: SubmitOutcome,
  graph: unknown,
  status: number,
  recorded: unknown,
): readonly string[] {
  const nodeErrors = isRecord(recorded) && isRecord(recorded['node_errors']) ? recorded['node_errors'] : {};
  const named = Object.keys(nodeErrors).sort();
  if (status === 200 && named.length === 0) return same('submit', codeOf(outcome), 'accepted');
  // What could harm a server is refused before it is sent, so the server's own answer does not matter.
  if (isMalformed(graph)) return same('submit', codeOf(outcome), 'refused graph_invalid');
  // A server error leaves open whether the prompt was stored.
  if (status >= 500) return same('submit', codeOf(outcome), 'unknown backend_failed');
  if (outcome.kind !== 'refused') return same('submit', outcome.kind, 'refused');
  const { error } = outcome;
  const codes = status === 200 ? ['backend_rejected_graph', 'backend_model_missing'] : expectedRefusalCodes(recorded);
  const faults = [...same('refusal code', codes.includes(error.code), true)];
  if (named.length > 0) {
    const listed = (error.details?.['nodeErrors'] ?? []) as readonly { readonly nodeId: string }[];
    faults.push(...same('faulty nodes', [...new Set(listed.map((fault) => fault.nodeId))].sort(), named));
    faults.push(
      ...same(
        'a faulty node in the message',
        named.some((id) => error.message.includes(`Node ${id} `)),
        true,
      ),
    );
  }
  return faults.map((fault) => `${fault} (${error.code}: ${error.message})`);
}

export function codeOf(outcome: SubmitOutcome): string {
  return outcome.kind === 'accepted' ? 'accepted' : `${outcome.kind} ${outcome.error.code}`;
}

function isMalformed(graph: unknown): boolean {
  if (!isRecord(graph) || Object.keys(graph).length === 0) return true;
  return Object.values(graph).some(
    (node) => !isRecord(node) || typeof node['class_type'] !== 'string' || !isRecord(node['inputs']),
  );
}

export function checkResult(result: AttemptResult, expected: ExpectedEnd): readonly string[] {
  const files = result.outputs.flatMap((output) =>
    output.kind === 'text' ? [] : [`${output.type}/${output.subfolder}/${output.filename}`],
  );
  const texts = result.outputs.flatMap((output) => (output.kind === 'text' ? [output.text] : []));
  const details = result.error?.details ?? {};
  const code = { succeeded: undefined, failed: 'node_failed', interrupted: 'backend_interrupted' }[expected.outcome];
  return [
    ...same('outcome', result.outcome, expected.outcome),
    ...same('files', files.sort(), expected.files),
    ...same('texts', texts.sort(), expected.texts),
    ...same('error code', result.error?.code, code),
    ...(expected.outcome === 'failed'
      ? [
          ...same('failing node', details['nodeId'], expected.nodeId),
          ...same('exception type', details['exceptionType'], expected.exceptionType),
        ]
      : []),
  ];
}
