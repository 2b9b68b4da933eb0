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
  constraint "backends_pkey" primary key ("id")
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
  constraint "generations_pkey" primary key ("id"),
  constraint "generations_idempotency_key" unique ("account_id", "idempotency_key")
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
  constraint "media_pkey" primary key ("id")
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

CREATE INDEX "attempts_by_backend" on "attempts" ("backend_id", "status", "claimed_at");

CREATE INDEX "generation_inputs_by_media" on "generation_inputs" ("media_id");

CREATE INDEX "generations_by_account" on "generations" ("account_id", "id");

CREATE INDEX "generations_waiting_available" on "generations" ("available_at") where "status" = 'queued';

CREATE INDEX "generations_waiting_deadline" on "generations" ("queue_deadline_at") where "status" = 'queued';

CREATE INDEX "generations_waiting_order" on "generations" ("lane", "created_at", "id") where "status" = 'queued';

CREATE INDEX "media_by_attempt" on "media" ("attempt_id");

CREATE INDEX "media_by_hash" on "media" ("hash");

CREATE INDEX "media_pending" on "media" ("created_at", "id") where "state" = 'pending';

CREATE INDEX "outputs_by_media" on "outputs" ("media_id");
