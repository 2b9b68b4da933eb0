CREATE TABLE "account_gates" (
  "account_id" text not null,
  "merged_into" text,
  "passed_at" integer not null,
  constraint "account_gates_pkey" primary key ("account_id")
) strict;

CREATE TABLE "api_keys" (
  "id" text not null,
  "account_id" text not null,
  "name" text not null,
  "prefix" text not null,
  "hash" text not null,
  "scopes" text not null,
  "budget_key" text not null,
  "rate_per_minute" integer,
  "max_concurrent" integer,
  "created_at" integer not null,
  "expires_at" integer,
  "revoked_at" integer,
  "last_used_at" integer,
  constraint "api_keys_pkey" primary key ("id"),
  constraint "api_keys_hash_key" unique ("hash")
) strict;

CREATE TABLE "attempts" (
  "id" text not null,
  "generation_id" text not null,
  "number" integer not null,
  "backend_id" text not null,
  "epoch" integer not null,
  "node_id" text not null,
  "status" text not null,
  "claimed_at" integer not null,
  "sent_at" integer,
  "confirmed_at" integer,
  "finished_at" integer,
  "result" text,
  "error" text,
  "backend_run_id" text,
  constraint "attempts_generation_id_fkey" foreign key ("generation_id") references "generations" ("id") on delete cascade,
  constraint "attempts_pkey" primary key ("id"),
  constraint "attempts_number_key" unique ("generation_id", "number")
) strict;

CREATE TABLE "backends" (
  "id" text not null,
  "kind" text not null,
  "url" text not null,
  "owner_node" text,
  "lease_until" integer not null,
  "epoch" integer not null,
  "created_at" integer not null,
  "updated_at" integer not null,
  "dispatch" text,
  "origin" text default 'config' not null,
  "desired" text default 'active' not null,
  "state" text default 'booting' not null,
  "state_since" integer default 0 not null,
  "vram_bytes" integer default 0 not null,
  "settings_version" integer default 0 not null,
  "state_detail" text,
  "settings" text,
  constraint "backends_pkey" primary key ("id")
) strict;

CREATE TABLE "dispatch_accounts" (
  "account_id" text not null,
  "lane" integer not null,
  "vfinish" integer not null,
  "updated_at" integer not null,
  constraint "dispatch_accounts_pkey" primary key ("account_id", "lane")
) strict;

CREATE TABLE "dispatch_lanes" (
  "name" text not null,
  "v" integer not null,
  constraint "dispatch_lanes_pkey" primary key ("name")
) strict;

CREATE TABLE "dispatch_models" (
  "model_key" text not null,
  "facts" text not null,
  "updated_at" integer not null,
  constraint "dispatch_models_pkey" primary key ("model_key")
) strict;

CREATE TABLE "dispatch_needs" (
  "needs_key" text not null,
  "model_key" text not null,
  "needs" text not null,
  "used_at" integer not null,
  constraint "dispatch_needs_pkey" primary key ("needs_key")
) strict;

CREATE TABLE "dispatch_refusals" (
  "backend_id" text not null,
  "needs_key" text not null,
  "reason" text not null,
  constraint "dispatch_refusals_pkey" primary key ("backend_id", "needs_key")
) strict;

CREATE TABLE "easel_migrations" (
  "version" integer not null,
  "name" text not null,
  "applied_at" integer not null,
  constraint "easel_migrations_pkey" primary key ("version")
) strict;

CREATE TABLE "events" (
  "generation_id" text not null,
  "seq" integer not null,
  "type" text not null,
  "data" text not null,
  "created_at" integer not null,
  constraint "events_generation_id_fkey" foreign key ("generation_id") references "generations" ("id") on delete cascade,
  constraint "events_pkey" primary key ("generation_id", "seq")
) strict;

CREATE TABLE "generation_avoids" (
  "generation_id" text not null,
  "backend_id" text not null,
  "created_at" integer not null,
  constraint "generation_avoids_pkey" primary key ("generation_id", "backend_id"),
  constraint "generation_avoids_generation_id_fkey" foreign key ("generation_id") references "generations" ("id") on delete cascade
) strict;

CREATE TABLE "generation_inputs" (
  "generation_id" text not null,
  "node_id" text not null,
  "input_name" text not null,
  "media_id" text not null,
  "upload_name" text not null,
  constraint "generation_inputs_generation_id_fkey" foreign key ("generation_id") references "generations" ("id") on delete cascade,
  constraint "generation_inputs_pkey" primary key ("generation_id", "node_id", "input_name"),
  constraint "generation_inputs_media_id_fkey" foreign key ("media_id") references "media" ("id")
) strict;

CREATE TABLE "generation_payloads" (
  "generation_id" text not null,
  "graph" text not null,
  "workflow" text,
  "metadata" text,
  "deployment" text,
  "inputs" text,
  "changes" text,
  constraint "generation_payloads_generation_id_fkey" foreign key ("generation_id") references "generations" ("id") on delete cascade,
  constraint "generation_payloads_pkey" primary key ("generation_id")
) strict;

CREATE TABLE "generations" (
  "id" text not null,
  "account_id" text not null,
  "status" text not null,
  "lane" integer not null,
  "idempotency_key" text,
  "request_hash" text,
  "workflow_name" text,
  "workflow_version" text,
  "model_key" text not null,
  "lora_key" text not null,
  "backend_pin" text,
  "attempt_count" integer not null,
  "max_attempts" integer not null,
  "unaccepted_count" integer not null,
  "available_at" integer not null,
  "created_at" integer not null,
  "updated_at" integer not null,
  "queue_deadline_at" integer not null,
  "run_limit_ms" integer not null,
  "started_at" integer,
  "finished_at" integer,
  "current_attempt_id" text,
  "cancel_requested_at" integer,
  "error" text,
  "event_seq" integer not null,
  "deployment_id" text,
  "needs_key" text,
  "vstart" integer,
  "estimate_ms" integer,
  "session_id" text,
  constraint "generations_pkey" primary key ("id"),
  constraint "generations_idempotency_key" unique ("account_id", "idempotency_key")
) strict;

CREATE TABLE "live_states" (
  "generation_id" text not null,
  "kind" text not null,
  "revision" integer not null,
  "at" integer not null,
  "data" text not null,
  constraint "live_states_pkey" primary key ("generation_id", "kind")
) strict;

CREATE TABLE "live_wishes" (
  "generation_id" text not null,
  "wanted_until" integer not null,
  constraint "live_wishes_pkey" primary key ("generation_id")
) strict;

CREATE TABLE "locks" (
  "name" text not null,
  "taken_at" integer not null,
  constraint "locks_pkey" primary key ("name")
) strict;

CREATE TABLE "media" (
  "id" text not null,
  "account_id" text not null,
  "hash" text not null,
  "bytes" integer not null,
  "content_type" text not null,
  "state" text not null,
  "attempt_id" text,
  "created_at" integer not null,
  "filename" text,
  "source" text,
  "pinned_at" integer,
  constraint "media_pkey" primary key ("id")
) strict;

CREATE TABLE "media_derived" (
  "source_hash" text not null,
  "recipe" text not null,
  "hash" text not null,
  "bytes" integer not null,
  "content_type" text not null,
  "width" integer,
  "height" integer,
  "created_at" integer not null,
  "used_at" integer not null,
  constraint "media_derived_pkey" primary key ("source_hash", "recipe")
) strict;

CREATE TABLE "media_facts" (
  "hash" text not null,
  "width" integer,
  "height" integer,
  "frames" integer,
  "blurhash" text,
  "created_at" integer not null,
  constraint "media_facts_pkey" primary key ("hash")
) strict;

CREATE TABLE "media_removals" (
  "hash" text not null,
  "until" integer not null,
  constraint "media_removals_pkey" primary key ("hash")
) strict;

CREATE TABLE "nodes" (
  "id" text not null,
  "backends" text not null,
  "alive_until" integer not null,
  constraint "nodes_pkey" primary key ("id")
) strict;

CREATE TABLE "outputs" (
  "id" text not null,
  "generation_id" text not null,
  "attempt_id" text not null,
  "ordinal" integer not null,
  "node_id" text not null,
  "output_key" text not null,
  "kind" text not null,
  "filename" text not null,
  "content_type" text not null,
  "bytes" integer not null,
  "media_id" text,
  "text" text,
  constraint "outputs_generation_id_fkey" foreign key ("generation_id") references "generations" ("id") on delete cascade,
  constraint "outputs_pkey" primary key ("id"),
  constraint "outputs_ordinal_key" unique ("generation_id", "ordinal"),
  constraint "outputs_media_id_fkey" foreign key ("media_id") references "media" ("id")
) strict;

CREATE TABLE "point_accounts" (
  "id" text not null,
  "plan" text not null,
  "allowance" integer not null,
  "credit" integer not null,
  "held" integer not null,
  "allowance_held" integer not null,
  "expiring" integer not null,
  "floor" integer not null,
  "experience" integer not null,
  "accrued_at" integer not null,
  "accrual_rest" integer not null,
  "payer" text,
  "budgeted" integer not null,
  "posting_seq" integer not null,
  "posted_at" integer not null,
  "created_at" integer not null,
  constraint "point_accounts_pkey" primary key ("id")
) strict;

CREATE TABLE "point_audit" (
  "id" text not null,
  "account_id" text not null,
  "action" text not null,
  "actor" text not null,
  "reason" text not null,
  "transfer_id" text,
  "details" text not null,
  "created_at" integer not null,
  constraint "point_audit_pkey" primary key ("id")
) strict;

CREATE TABLE "point_budgets" (
  "account_id" text not null,
  "budget_key" text not null,
  "period" text not null,
  "amount" integer not null,
  constraint "point_budgets_pkey" primary key ("account_id", "budget_key", "period")
) strict;

CREATE TABLE "point_holds" (
  "id" text not null,
  "account_id" text not null,
  "spender_id" text not null,
  "status" text not null,
  "amount" integer not null,
  "captured" integer not null,
  "refunded" integer not null,
  "charge" integer not null,
  "parts" text not null,
  "captured_parts" text,
  "generation_id" text,
  "context" text not null,
  "budget_key" text,
  "run_id" text,
  "workflow_name" text,
  "backend_class" text,
  "run_ms" integer,
  "quote" text,
  "expires_at" integer,
  "created_at" integer not null,
  "ended_at" integer,
  constraint "point_holds_pkey" primary key ("id")
) strict;

CREATE TABLE "point_lots" (
  "account_id" text not null,
  "expires_at" integer not null,
  "remaining" integer not null,
  constraint "point_lots_pkey" primary key ("account_id", "expires_at")
) strict;

CREATE TABLE "point_members" (
  "group_id" text not null,
  "account_id" text not null,
  "created_at" integer not null,
  constraint "point_members_pkey" primary key ("group_id", "account_id")
) strict;

CREATE TABLE "point_postings" (
  "transfer_id" text not null,
  "account_id" text not null,
  "seq" integer,
  "kind" text not null,
  "allowance" integer not null,
  "credit" integer not null,
  "held" integer not null,
  "allowance_after" integer,
  "credit_after" integer,
  "held_after" integer,
  "created_at" integer not null,
  constraint "point_postings_pkey" primary key ("transfer_id", "account_id"),
  constraint "point_postings_seq_key" unique ("account_id", "seq"),
  constraint "point_postings_transfer_id_fkey" foreign key ("transfer_id") references "point_transfers" ("id")
) strict;

CREATE TABLE "point_transfers" (
  "id" text not null,
  "kind" text not null,
  "account_id" text not null,
  "amount" integer not null,
  "experience" integer not null,
  "idempotency_key" text,
  "request_hash" text,
  "hold_id" text,
  "terminal" text,
  "generation_id" text,
  "note" text,
  "created_at" integer not null,
  constraint "point_transfers_pkey" primary key ("id"),
  constraint "point_transfers_idempotency_key" unique ("account_id", "kind", "idempotency_key"),
  constraint "point_transfers_terminal_key" unique ("hold_id", "terminal")
) strict;

CREATE TABLE "run_reports" (
  "attempt_id" text not null,
  "run_id" text,
  "seq" integer not null,
  "received_at" integer not null,
  constraint "run_reports_pkey" primary key ("attempt_id"),
  constraint "run_reports_attempt_id_fkey" foreign key ("attempt_id") references "attempts" ("id") on delete cascade
) strict;

CREATE TABLE "secrets" (
  "name" text not null,
  "value" text not null,
  "created_at" integer not null,
  constraint "secrets_pkey" primary key ("name")
) strict;

CREATE TABLE "session_events" (
  "session_id" text not null,
  "seq" integer not null,
  "type" text not null,
  "platform" text not null,
  "user_id" text not null,
  "account_id" text not null,
  "data" text not null,
  "at" integer not null,
  constraint "session_events_pkey" primary key ("session_id", "seq")
) strict;

CREATE TABLE "session_identities" (
  "id" text not null,
  "platform" text not null,
  "user_id" text not null,
  "account_id" text not null,
  "created_at" integer not null,
  constraint "session_identities_pkey" primary key ("id"),
  constraint "session_identities_user_key" unique ("platform", "user_id")
) strict;

CREATE TABLE "session_link_attempts" (
  "identity_id" text not null,
  "failures" integer not null,
  "since" integer not null,
  constraint "session_link_attempts_pkey" primary key ("identity_id")
) strict;

CREATE TABLE "session_link_codes" (
  "hash" text not null,
  "account_id" text not null,
  "created_at" integer not null,
  "expires_at" integer not null,
  constraint "session_link_codes_pkey" primary key ("hash"),
  constraint "session_link_codes_account_key" unique ("account_id")
) strict;

CREATE TABLE "session_preferences" (
  "account_id" text not null,
  "name" text not null,
  "value" text not null,
  "updated_at" integer not null,
  constraint "session_preferences_pkey" primary key ("account_id", "name")
) strict;

CREATE TABLE "session_values" (
  "session_id" text not null,
  "name" text not null,
  "value" text not null,
  "bytes" integer not null,
  "updated_at" integer not null,
  constraint "session_values_pkey" primary key ("session_id", "name"),
  constraint "session_values_session_id_fkey" foreign key ("session_id") references "sessions" ("id") on delete cascade
) strict;

CREATE TABLE "sessions" (
  "id" text not null,
  "identity_id" text not null,
  "revision" integer not null,
  "idle_ms" integer not null,
  "created_at" integer not null,
  "touched_at" integer not null,
  "expires_at" integer not null,
  constraint "sessions_pkey" primary key ("id"),
  constraint "sessions_identity_key" unique ("identity_id"),
  constraint "sessions_identity_id_fkey" foreign key ("identity_id") references "session_identities" ("id") on delete cascade
) strict;

CREATE TABLE "webhook_attempts" (
  "endpoint_id" text not null,
  "message_id" text not null,
  "number" integer not null,
  "at" integer not null,
  "duration_ms" integer not null,
  "status" integer,
  "error" text,
  "answer" text,
  constraint "webhook_attempts_pkey" primary key ("endpoint_id", "message_id", "number")
) strict;

CREATE TABLE "webhook_deliveries" (
  "endpoint_id" text not null,
  "message_id" text not null,
  "account_id" text not null,
  "generation_id" text,
  "seq" integer not null,
  "type" text not null,
  "event_at" integer not null,
  "status" text not null,
  "attempt_count" integer not null,
  "next_at" integer not null,
  "lease_until" integer not null,
  "lease_token" text,
  "last_status" integer,
  "last_error" text,
  "created_at" integer not null,
  "finished_at" integer,
  constraint "webhook_deliveries_pkey" primary key ("endpoint_id", "message_id")
) strict;

CREATE TABLE "webhook_endpoints" (
  "id" text not null,
  "account_id" text not null,
  "url" text not null,
  "description" text not null,
  "events" text not null,
  "secrets" text not null,
  "enabled" integer not null,
  "disabled_reason" text,
  "failure_count" integer not null,
  "failing_since" integer,
  "paused_until" integer not null,
  "created_at" integer not null,
  "updated_at" integer not null,
  constraint "webhook_endpoints_pkey" primary key ("id")
) strict;

CREATE TABLE "webhook_subscriptions" (
  "account_id" text not null,
  "type" text not null,
  "endpoint_id" text not null,
  constraint "webhook_subscriptions_pkey" primary key ("account_id", "type", "endpoint_id")
) strict;

CREATE TABLE "workflow_aliases" (
  "alias" text not null,
  "workflow_name" text not null,
  constraint "workflow_aliases_pkey" primary key ("alias"),
  constraint "workflow_aliases_workflow_name_fkey" foreign key ("workflow_name") references "workflows" ("name") on delete cascade
) strict;

CREATE TABLE "workflow_deployments" (
  "workflow_name" text not null,
  "id" text not null,
  "version" text,
  "target_kind" text not null,
  "backend_id" text,
  "external_id" text,
  "contexts" text not null,
  "weight" integer not null,
  "enabled" integer not null,
  "source" text not null,
  "created_at" integer not null,
  "updated_at" integer not null,
  "gone_at" integer,
  constraint "workflow_deployments_workflow_name_fkey" foreign key ("workflow_name") references "workflows" ("name") on delete cascade,
  constraint "workflow_deployments_pkey" primary key ("id")
) strict;

CREATE TABLE "workflow_labels" (
  "workflow_name" text not null,
  "label" text not null,
  "seq" integer not null,
  "hash" text not null,
  "is_current" integer not null,
  "previous_seq" integer,
  "created_at" integer not null,
  constraint "workflow_labels_workflow_name_fkey" foreign key ("workflow_name") references "workflows" ("name") on delete cascade,
  constraint "workflow_labels_pkey" primary key ("workflow_name", "label", "seq")
) strict;

CREATE TABLE "workflow_seeds" (
  "workflow_name" text not null,
  "account_id" text not null,
  "input" text not null,
  "seed" text not null,
  constraint "workflow_seeds_workflow_name_fkey" foreign key ("workflow_name") references "workflows" ("name") on delete cascade,
  constraint "workflow_seeds_pkey" primary key ("workflow_name", "account_id", "input")
) strict;

CREATE TABLE "workflow_versions" (
  "workflow_name" text not null,
  "hash" text not null,
  "number" integer not null,
  "graph" text not null,
  "interface" text not null,
  "ui_workflow" text,
  "source_hash" text not null,
  "note" text,
  "created_at" integer not null,
  constraint "workflow_versions_workflow_name_fkey" foreign key ("workflow_name") references "workflows" ("name") on delete cascade,
  constraint "workflow_versions_pkey" primary key ("workflow_name", "hash"),
  constraint "workflow_versions_number_key" unique ("workflow_name", "number")
) strict;

CREATE TABLE "workflows" (
  "name" text not null,
  "title" text,
  "description" text,
  "type" text,
  "enabled" integer not null,
  "source" text not null,
  "latest_hash" text not null,
  "version_count" integer not null,
  "created_at" integer not null,
  "updated_at" integer not null,
  "gone_at" integer,
  constraint "workflows_pkey" primary key ("name")
) strict;

CREATE INDEX "api_keys_by_account" on "api_keys" ("account_id", "id");

CREATE INDEX "attempts_by_backend" on "attempts" ("backend_id", "status", "claimed_at");

CREATE INDEX "dispatch_needs_by_use" on "dispatch_needs" ("used_at");

CREATE INDEX "dispatch_refusals_by_needs" on "dispatch_refusals" ("needs_key");

CREATE INDEX "events_by_time" on "events" ("created_at", "generation_id", "seq");

CREATE INDEX "generation_inputs_by_media" on "generation_inputs" ("media_id");

CREATE INDEX "generations_by_account" on "generations" ("account_id", "id");

CREATE INDEX "generations_open" on "generations" ("account_id", "session_id", "status") where "finished_at" is null;

CREATE INDEX "generations_waiting_account" on "generations" ("lane", "account_id") where "status" = 'queued' and "updated_at" >= 0;

CREATE INDEX "generations_waiting_deadline" on "generations" ("queue_deadline_at") where "status" = 'queued' and "queue_deadline_at" >= 0;

CREATE INDEX "generations_waiting_due" on "generations" ("lane", "vstart", "id") where "status" = 'queued' and "vstart" is not null;

CREATE INDEX "generations_waiting_model" on "generations" ("lane", "model_key", "vstart", "id") where "status" = 'queued' and "model_key" >= '';

CREATE INDEX "generations_waiting_needs" on "generations" ("lane", "needs_key", "vstart", "id") where "status" = 'queued' and "created_at" >= 0;

CREATE INDEX "media_by_account" on "media" ("account_id", "id");

CREATE INDEX "media_by_attempt" on "media" ("attempt_id");

CREATE INDEX "media_by_hash" on "media" ("hash");

CREATE INDEX "media_derived_by_hash" on "media_derived" ("hash");

CREATE INDEX "media_derived_by_use" on "media_derived" ("used_at", "source_hash");

CREATE INDEX "media_pending" on "media" ("created_at", "id") where "state" = 'pending';

CREATE INDEX "outputs_by_media" on "outputs" ("media_id");

CREATE INDEX "point_audit_by_account" on "point_audit" ("account_id", "id");

CREATE INDEX "point_holds_by_run" on "point_holds" ("spender_id", "run_id") where "run_id" is not null;

CREATE INDEX "point_holds_by_spender" on "point_holds" ("spender_id", "created_at");

CREATE INDEX "point_holds_by_workflow" on "point_holds" ("workflow_name", "ended_at") where "run_ms" is not null;

CREATE INDEX "point_holds_due" on "point_holds" ("expires_at", "id") where "status" = 'open';

CREATE INDEX "point_holds_open" on "point_holds" ("account_id", "id") where "status" = 'open';

CREATE INDEX "point_lots_due" on "point_lots" ("expires_at", "account_id") where "remaining" > 0;

CREATE INDEX "point_postings_by_kind" on "point_postings" ("account_id", "kind", "seq");

CREATE INDEX "point_postings_by_time" on "point_postings" ("account_id", "created_at", "seq");

CREATE INDEX "point_transfers_by_generation" on "point_transfers" ("generation_id") where "generation_id" is not null;

CREATE INDEX "session_events_by_time" on "session_events" ("at", "session_id", "seq");

CREATE INDEX "session_identities_by_account" on "session_identities" ("account_id", "id");

CREATE INDEX "session_link_attempts_by_time" on "session_link_attempts" ("since");

CREATE INDEX "session_link_codes_by_expiry" on "session_link_codes" ("expires_at");

CREATE INDEX "sessions_by_expiry" on "sessions" ("expires_at", "id");

CREATE INDEX "webhook_deliveries_due" on "webhook_deliveries" ("next_at", "endpoint_id", "message_id") where "status" = 'pending';

CREATE INDEX "webhook_deliveries_finished" on "webhook_deliveries" ("finished_at", "endpoint_id", "message_id") where "finished_at" is not null;

CREATE INDEX "webhook_deliveries_log" on "webhook_deliveries" ("endpoint_id", "created_at", "message_id");

CREATE INDEX "webhook_deliveries_order" on "webhook_deliveries" ("endpoint_id", "generation_id", "seq") where "status" = 'pending';

CREATE INDEX "webhook_endpoints_by_account" on "webhook_endpoints" ("account_id", "id");

CREATE INDEX "webhook_subscriptions_by_endpoint" on "webhook_subscriptions" ("endpoint_id");

CREATE INDEX "workflow_aliases_by_workflow" on "workflow_aliases" ("workflow_name");

CREATE INDEX "workflow_deployments_by_workflow" on "workflow_deployments" ("workflow_name", "id");

CREATE INDEX "workflows_by_source" on "workflows" ("source", "name");

CREATE INDEX "workflows_by_type" on "workflows" ("type", "name");
