import { newId } from '../../src/core/ids.js';
import type { Database } from '../../src/db/index.js';

/** One complete row per table, every column filled, with values at the edges of what a column must hold. */
export function sampleRows() {
  const generationId = newId();
  const attemptId = newId();
  const mediaId = newId();
  const nasty = 'Grüße "quoted" \'single\' \\ % _ ; -- \u{1F3A8} \u202E \uFFFD\n\t\u0001';
  const large = Number.MAX_SAFE_INTEGER;
  const rows = {
    generations: {
      id: generationId,
      account_id: nasty,
      status: 'queued',
      lane: 0,
      idempotency_key: nasty,
      request_hash: 'f'.repeat(64),
      workflow_name: nasty,
      workflow_version: '1',
      model_key: '',
      lora_key: nasty,
      backend_pin: 'gpu',
      attempt_count: 0,
      max_attempts: 3,
      unaccepted_count: 0,
      available_at: large,
      created_at: -large,
      updated_at: large,
      queue_deadline_at: large,
      run_limit_ms: large,
      started_at: large,
      finished_at: large,
      current_attempt_id: attemptId,
      cancel_requested_at: large,
      error: '{"code":"internal"}',
      event_seq: large,
    },
    media: {
      id: mediaId,
      account_id: nasty,
      hash: 'a'.repeat(64),
      bytes: large,
      content_type: 'image/png',
      state: 'pending',
      attempt_id: attemptId,
      created_at: 1,
    },
    generation_payloads: {
      generation_id: generationId,
      // Larger than a page of either database, and 64-bit seeds are digits in a text here.
      graph: `{"seed":18446744073709551615,"text":"${'\u{1F3A8}ab'.repeat(500_000)}"}`,
      workflow: nasty,
      metadata: '{"\\u0000":"escaped"}',
    },
    generation_inputs: {
      generation_id: generationId,
      node_id: '10:3',
      input_name: nasty,
      media_id: mediaId,
      upload_name: 'a.png',
    },
    events: { generation_id: generationId, seq: large, type: 'queued', data: '{}', created_at: 1 },
    attempts: {
      id: attemptId,
      generation_id: generationId,
      number: 1,
      backend_id: 'gpu',
      epoch: large,
      node_id: 'node',
      status: 'claimed',
      claimed_at: 1,
      sent_at: 2,
      confirmed_at: 3,
      finished_at: 4,
      result: '{}',
      error: '{}',
    },
    outputs: {
      id: newId(),
      generation_id: generationId,
      attempt_id: attemptId,
      ordinal: 0,
      node_id: '9',
      output_key: 'images',
      kind: 'image',
      filename: nasty,
      content_type: 'image/png',
      bytes: large,
      media_id: mediaId,
      text: nasty,
    },
    backends: {
      id: 'gpu',
      kind: 'comfyui',
      url: 'http://gpu:8188',
      owner_node: 'node',
      lease_until: large,
      epoch: large,
      created_at: 1,
      updated_at: 2,
    },
    locks: { name: nasty, taken_at: large },
    ...pointRows(generationId, nasty, large),
  } satisfies { readonly [Table in keyof Database]: Database[Table] };
  return rows;
}

function pointRows(generationId: string, nasty: string, large: number) {
  const transferId = newId();
  const holdId = newId();
  return {
    point_accounts: {
      id: nasty,
      plan: 'free',
      allowance: large,
      credit: -large,
      held: large,
      allowance_held: large,
      expiring: large,
      floor: -large,
      experience: large,
      accrued_at: large,
      accrual_rest: large,
      payer: 'house',
      budgeted: 1,
      posting_seq: large,
      posted_at: large,
      created_at: 1,
    },
    point_lots: { account_id: nasty, expires_at: large, remaining: large },
    point_transfers: {
      id: transferId,
      kind: 'grant',
      account_id: nasty,
      amount: large,
      experience: -large,
      idempotency_key: nasty,
      request_hash: 'f'.repeat(64),
      hold_id: holdId,
      terminal: 'ended',
      generation_id: generationId,
      note: nasty,
      created_at: 1,
    },
    point_postings: {
      transfer_id: transferId,
      account_id: nasty,
      seq: large,
      kind: 'grant',
      allowance: -large,
      credit: large,
      held: 0,
      allowance_after: large,
      credit_after: -large,
      held_after: 0,
      created_at: 1,
    },
    point_holds: {
      id: holdId,
      account_id: nasty,
      spender_id: nasty,
      status: 'open' as const,
      amount: large,
      captured: 0,
      refunded: 0,
      charge: large,
      parts: '[]',
      captured_parts: '[]',
      generation_id: generationId,
      context: 'interactive',
      budget_key: nasty,
      run_id: nasty,
      workflow_name: nasty,
      backend_class: 'default',
      run_ms: large,
      quote: '{}',
      expires_at: large,
      created_at: 1,
      ended_at: 2,
    },
    point_members: { group_id: nasty, account_id: nasty, created_at: 1 },
    point_budgets: { account_id: nasty, budget_key: '', period: 'day', amount: large },
    point_audit: {
      id: newId(),
      account_id: nasty,
      action: 'grant',
      actor: nasty,
      reason: nasty,
      transfer_id: transferId,
      details: '{}',
      created_at: 1,
    },
  };
}

/** Tables in an order in which rows can be inserted. */
export const TABLES = Object.keys(sampleRows()) as (keyof Database)[];

/** Columns that may be null. */
export const NULLABLE: Readonly<Partial<Record<keyof Database, readonly string[]>>> = {
  generations: [
    'idempotency_key',
    'request_hash',
    'workflow_name',
    'workflow_version',
    'backend_pin',
    'started_at',
    'finished_at',
    'current_attempt_id',
    'cancel_requested_at',
    'error',
  ],
  generation_payloads: ['workflow', 'metadata'],
  attempts: ['sent_at', 'confirmed_at', 'finished_at', 'result', 'error'],
  outputs: ['media_id', 'text'],
  media: ['attempt_id'],
  backends: ['owner_node'],
  point_accounts: ['payer'],
  point_transfers: ['idempotency_key', 'request_hash', 'hold_id', 'terminal', 'generation_id', 'note'],
  point_postings: ['seq', 'allowance_after', 'credit_after', 'held_after'],
  point_holds: [
    'captured_parts',
    'generation_id',
    'budget_key',
    'run_id',
    'workflow_name',
    'backend_class',
    'run_ms',
    'quote',
    'expires_at',
    'ended_at',
  ],
  point_audit: ['transfer_id'],
};

export function backendRow(id: string): Database['backends'] {
  return { ...sampleRows().backends, id, epoch: 0 };
}
