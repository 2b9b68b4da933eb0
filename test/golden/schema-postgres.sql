create table account_gates (
  account_id text collate "C" not null,
  merged_into text collate "C",
  passed_at bigint not null
);

create table api_keys (
  id text collate "C" not null,
  account_id text collate "C" not null,
  name text collate "C" not null,
  prefix text collate "C" not null,
  hash text collate "C" not null,
  scopes text collate "C" not null,
  budget_key text collate "C" not null,
  rate_per_minute bigint,
  max_concurrent bigint,
  created_at bigint not null,
  expires_at bigint,
  revoked_at bigint,
  last_used_at bigint
);

create table attempts (
  id text collate "C" not null,
  generation_id text collate "C" not null,
  number bigint not null,
  backend_id text collate "C" not null,
  epoch bigint not null,
  node_id text collate "C" not null,
  status text collate "C" not null,
  claimed_at bigint not null,
  sent_at bigint,
  confirmed_at bigint,
  finished_at bigint,
  result text collate "C",
  error text collate "C",
  backend_run_id text collate "C"
);

create table backends (
  id text collate "C" not null,
  kind text collate "C" not null,
  url text collate "C" not null,
  owner_node text collate "C",
  lease_until bigint not null,
  epoch bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  dispatch text collate "C",
  origin text collate "C" not null,
  desired text collate "C" not null,
  state text collate "C" not null,
  state_since bigint not null,
  vram_bytes bigint not null,
  settings_version bigint not null,
  state_detail text collate "C",
  settings text collate "C"
);

create table dispatch_accounts (
  account_id text collate "C" not null,
  lane bigint not null,
  vfinish bigint not null,
  updated_at bigint not null
);

create table dispatch_lanes (
  name text collate "C" not null,
  v bigint not null
);

create table dispatch_models (
  model_key text collate "C" not null,
  facts text collate "C" not null,
  updated_at bigint not null
);

create table dispatch_needs (
  needs_key text collate "C" not null,
  model_key text collate "C" not null,
  needs text collate "C" not null,
  used_at bigint not null
);

create table dispatch_refusals (
  backend_id text collate "C" not null,
  needs_key text collate "C" not null,
  reason text collate "C" not null
);

create table easel_migrations (
  version bigint not null,
  name text collate "C" not null,
  applied_at bigint not null
);

create table events (
  generation_id text collate "C" not null,
  seq bigint not null,
  type text collate "C" not null,
  data text collate "C" not null,
  created_at bigint not null
);

create table generation_avoids (
  generation_id text collate "C" not null,
  backend_id text collate "C" not null,
  created_at bigint not null
);

create table generation_inputs (
  generation_id text collate "C" not null,
  node_id text collate "C" not null,
  input_name text collate "C" not null,
  media_id text collate "C" not null,
  upload_name text collate "C" not null
);

create table generation_payloads (
  generation_id text collate "C" not null,
  graph text collate "C" not null,
  workflow text collate "C",
  metadata text collate "C",
  deployment text collate "C",
  inputs text collate "C",
  changes text collate "C"
);

create table generations (
  id text collate "C" not null,
  account_id text collate "C" not null,
  status text collate "C" not null,
  lane bigint not null,
  idempotency_key text collate "C",
  request_hash text collate "C",
  workflow_name text collate "C",
  workflow_version text collate "C",
  model_key text collate "C" not null,
  lora_key text collate "C" not null,
  backend_pin text collate "C",
  attempt_count bigint not null,
  max_attempts bigint not null,
  unaccepted_count bigint not null,
  available_at bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  queue_deadline_at bigint not null,
  run_limit_ms bigint not null,
  started_at bigint,
  finished_at bigint,
  current_attempt_id text collate "C",
  cancel_requested_at bigint,
  error text collate "C",
  event_seq bigint not null,
  deployment_id text collate "C",
  needs_key text collate "C",
  vstart bigint,
  estimate_ms bigint,
  session_id text collate "C"
);

create table live_states (
  generation_id text collate "C" not null,
  kind text collate "C" not null,
  revision bigint not null,
  at bigint not null,
  data text collate "C" not null
);

create table live_wishes (
  generation_id text collate "C" not null,
  wanted_until bigint not null
);

create table locks (
  name text collate "C" not null,
  taken_at bigint not null
);

create table media (
  id text collate "C" not null,
  account_id text collate "C" not null,
  hash text collate "C" not null,
  bytes bigint not null,
  content_type text collate "C" not null,
  state text collate "C" not null,
  attempt_id text collate "C",
  created_at bigint not null,
  filename text collate "C",
  source text collate "C",
  pinned_at bigint
);

create table media_derived (
  source_hash text collate "C" not null,
  recipe text collate "C" not null,
  hash text collate "C" not null,
  bytes bigint not null,
  content_type text collate "C" not null,
  width bigint,
  height bigint,
  created_at bigint not null,
  used_at bigint not null
);

create table media_facts (
  hash text collate "C" not null,
  width bigint,
  height bigint,
  frames bigint,
  blurhash text collate "C",
  created_at bigint not null
);

create table media_removals (
  hash text collate "C" not null,
  until bigint not null
);

create table nodes (
  id text collate "C" not null,
  backends text collate "C" not null,
  alive_until bigint not null
);

create table outputs (
  id text collate "C" not null,
  generation_id text collate "C" not null,
  attempt_id text collate "C" not null,
  ordinal bigint not null,
  node_id text collate "C" not null,
  output_key text collate "C" not null,
  kind text collate "C" not null,
  filename text collate "C" not null,
  content_type text collate "C" not null,
  bytes bigint not null,
  media_id text collate "C",
  text text collate "C"
);

create table point_accounts (
  id text collate "C" not null,
  plan text collate "C" not null,
  allowance bigint not null,
  credit bigint not null,
  held bigint not null,
  allowance_held bigint not null,
  expiring bigint not null,
  floor bigint not null,
  experience bigint not null,
  accrued_at bigint not null,
  accrual_rest bigint not null,
  payer text collate "C",
  budgeted bigint not null,
  posting_seq bigint not null,
  posted_at bigint not null,
  created_at bigint not null
);

create table point_audit (
  id text collate "C" not null,
  account_id text collate "C" not null,
  action text collate "C" not null,
  actor text collate "C" not null,
  reason text collate "C" not null,
  transfer_id text collate "C",
  details text collate "C" not null,
  created_at bigint not null
);

create table point_budgets (
  account_id text collate "C" not null,
  budget_key text collate "C" not null,
  period text collate "C" not null,
  amount bigint not null
);

create table point_holds (
  id text collate "C" not null,
  account_id text collate "C" not null,
  spender_id text collate "C" not null,
  status text collate "C" not null,
  amount bigint not null,
  captured bigint not null,
  refunded bigint not null,
  charge bigint not null,
  parts text collate "C" not null,
  captured_parts text collate "C",
  generation_id text collate "C",
  context text collate "C" not null,
  budget_key text collate "C",
  run_id text collate "C",
  workflow_name text collate "C",
  backend_class text collate "C",
  run_ms bigint,
  quote text collate "C",
  expires_at bigint,
  created_at bigint not null,
  ended_at bigint
);

create table point_lots (
  account_id text collate "C" not null,
  expires_at bigint not null,
  remaining bigint not null
);

create table point_members (
  group_id text collate "C" not null,
  account_id text collate "C" not null,
  created_at bigint not null
);

create table point_postings (
  transfer_id text collate "C" not null,
  account_id text collate "C" not null,
  seq bigint,
  kind text collate "C" not null,
  allowance bigint not null,
  credit bigint not null,
  held bigint not null,
  allowance_after bigint,
  credit_after bigint,
  held_after bigint,
  created_at bigint not null
);

create table point_transfers (
  id text collate "C" not null,
  kind text collate "C" not null,
  account_id text collate "C" not null,
  amount bigint not null,
  experience bigint not null,
  idempotency_key text collate "C",
  request_hash text collate "C",
  hold_id text collate "C",
  terminal text collate "C",
  generation_id text collate "C",
  note text collate "C",
  created_at bigint not null
);

create table run_reports (
  attempt_id text collate "C" not null,
  run_id text collate "C",
  seq bigint not null,
  received_at bigint not null
);

create table secrets (
  name text collate "C" not null,
  value text collate "C" not null,
  created_at bigint not null
);

create table session_events (
  session_id text collate "C" not null,
  seq bigint not null,
  type text collate "C" not null,
  platform text collate "C" not null,
  user_id text collate "C" not null,
  account_id text collate "C" not null,
  data text collate "C" not null,
  at bigint not null
);

create table session_identities (
  id text collate "C" not null,
  platform text collate "C" not null,
  user_id text collate "C" not null,
  account_id text collate "C" not null,
  created_at bigint not null
);

create table session_link_attempts (
  identity_id text collate "C" not null,
  failures bigint not null,
  since bigint not null
);

create table session_link_codes (
  hash text collate "C" not null,
  account_id text collate "C" not null,
  created_at bigint not null,
  expires_at bigint not null
);

create table session_preferences (
  account_id text collate "C" not null,
  name text collate "C" not null,
  value text collate "C" not null,
  updated_at bigint not null
);

create table session_values (
  session_id text collate "C" not null,
  name text collate "C" not null,
  value text collate "C" not null,
  bytes bigint not null,
  updated_at bigint not null
);

create table sessions (
  id text collate "C" not null,
  identity_id text collate "C" not null,
  revision bigint not null,
  idle_ms bigint not null,
  created_at bigint not null,
  touched_at bigint not null,
  expires_at bigint not null
);

create table webhook_attempts (
  endpoint_id text collate "C" not null,
  message_id text collate "C" not null,
  number bigint not null,
  at bigint not null,
  duration_ms bigint not null,
  status bigint,
  error text collate "C",
  answer text collate "C"
);

create table webhook_deliveries (
  endpoint_id text collate "C" not null,
  message_id text collate "C" not null,
  account_id text collate "C" not null,
  generation_id text collate "C",
  seq bigint not null,
  type text collate "C" not null,
  event_at bigint not null,
  status text collate "C" not null,
  attempt_count bigint not null,
  next_at bigint not null,
  lease_until bigint not null,
  lease_token text collate "C",
  last_status bigint,
  last_error text collate "C",
  created_at bigint not null,
  finished_at bigint
);

create table webhook_endpoints (
  id text collate "C" not null,
  account_id text collate "C" not null,
  url text collate "C" not null,
  description text collate "C" not null,
  events text collate "C" not null,
  secrets text collate "C" not null,
  enabled bigint not null,
  disabled_reason text collate "C",
  failure_count bigint not null,
  failing_since bigint,
  paused_until bigint not null,
  created_at bigint not null,
  updated_at bigint not null
);

create table webhook_subscriptions (
  account_id text collate "C" not null,
  type text collate "C" not null,
  endpoint_id text collate "C" not null
);

create table workflow_aliases (
  alias text collate "C" not null,
  workflow_name text collate "C" not null
);

create table workflow_deployments (
  workflow_name text collate "C" not null,
  id text collate "C" not null,
  version text collate "C",
  target_kind text collate "C" not null,
  backend_id text collate "C",
  external_id text collate "C",
  contexts text collate "C" not null,
  weight bigint not null,
  enabled bigint not null,
  source text collate "C" not null,
  created_at bigint not null,
  updated_at bigint not null,
  gone_at bigint
);

create table workflow_labels (
  workflow_name text collate "C" not null,
  label text collate "C" not null,
  seq bigint not null,
  hash text collate "C" not null,
  is_current bigint not null,
  previous_seq bigint,
  created_at bigint not null
);

create table workflow_seeds (
  workflow_name text collate "C" not null,
  account_id text collate "C" not null,
  input text collate "C" not null,
  seed text collate "C" not null
);

create table workflow_versions (
  workflow_name text collate "C" not null,
  hash text collate "C" not null,
  number bigint not null,
  graph text collate "C" not null,
  interface text collate "C" not null,
  ui_workflow text collate "C",
  source_hash text collate "C" not null,
  note text collate "C",
  created_at bigint not null
);

create table workflows (
  name text collate "C" not null,
  title text collate "C",
  description text collate "C",
  type text collate "C",
  enabled bigint not null,
  source text collate "C" not null,
  latest_hash text collate "C" not null,
  version_count bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  gone_at bigint
);

alter table account_gates add constraint account_gates_pkey PRIMARY KEY (account_id);

alter table api_keys add constraint api_keys_pkey PRIMARY KEY (id);

alter table api_keys add constraint api_keys_hash_key UNIQUE (hash);

alter table attempts add constraint attempts_pkey PRIMARY KEY (id);

alter table attempts add constraint attempts_generation_id_fkey FOREIGN KEY (generation_id) REFERENCES generations(id) ON DELETE CASCADE;

alter table attempts add constraint attempts_number_key UNIQUE (generation_id, number);

alter table backends add constraint backends_pkey PRIMARY KEY (id);

alter table dispatch_accounts add constraint dispatch_accounts_pkey PRIMARY KEY (account_id, lane);

alter table dispatch_lanes add constraint dispatch_lanes_pkey PRIMARY KEY (name);

alter table dispatch_models add constraint dispatch_models_pkey PRIMARY KEY (model_key);

alter table dispatch_needs add constraint dispatch_needs_pkey PRIMARY KEY (needs_key);

alter table dispatch_refusals add constraint dispatch_refusals_pkey PRIMARY KEY (backend_id, needs_key);

alter table easel_migrations add constraint easel_migrations_pkey PRIMARY KEY (version);

alter table events add constraint events_pkey PRIMARY KEY (generation_id, seq);

alter table events add constraint events_generation_id_fkey FOREIGN KEY (generation_id) REFERENCES generations(id) ON DELETE CASCADE;

alter table generation_avoids add constraint generation_avoids_pkey PRIMARY KEY (generation_id, backend_id);

alter table generation_avoids add constraint generation_avoids_generation_id_fkey FOREIGN KEY (generation_id) REFERENCES generations(id) ON DELETE CASCADE;

alter table generation_inputs add constraint generation_inputs_pkey PRIMARY KEY (generation_id, node_id, input_name);

alter table generation_inputs add constraint generation_inputs_generation_id_fkey FOREIGN KEY (generation_id) REFERENCES generations(id) ON DELETE CASCADE;

alter table generation_inputs add constraint generation_inputs_media_id_fkey FOREIGN KEY (media_id) REFERENCES media(id);

alter table generation_payloads add constraint generation_payloads_pkey PRIMARY KEY (generation_id);

alter table generation_payloads add constraint generation_payloads_generation_id_fkey FOREIGN KEY (generation_id) REFERENCES generations(id) ON DELETE CASCADE;

alter table generations add constraint generations_pkey PRIMARY KEY (id);

alter table generations add constraint generations_idempotency_key UNIQUE (account_id, idempotency_key);

alter table live_states add constraint live_states_pkey PRIMARY KEY (generation_id, kind);

alter table live_wishes add constraint live_wishes_pkey PRIMARY KEY (generation_id);

alter table locks add constraint locks_pkey PRIMARY KEY (name);

alter table media add constraint media_pkey PRIMARY KEY (id);

alter table media_derived add constraint media_derived_pkey PRIMARY KEY (source_hash, recipe);

alter table media_facts add constraint media_facts_pkey PRIMARY KEY (hash);

alter table media_removals add constraint media_removals_pkey PRIMARY KEY (hash);

alter table nodes add constraint nodes_pkey PRIMARY KEY (id);

alter table outputs add constraint outputs_pkey PRIMARY KEY (id);

alter table outputs add constraint outputs_generation_id_fkey FOREIGN KEY (generation_id) REFERENCES generations(id) ON DELETE CASCADE;

alter table outputs add constraint outputs_media_id_fkey FOREIGN KEY (media_id) REFERENCES media(id);

alter table outputs add constraint outputs_ordinal_key UNIQUE (generation_id, ordinal);

alter table point_accounts add constraint point_accounts_pkey PRIMARY KEY (id);

alter table point_audit add constraint point_audit_pkey PRIMARY KEY (id);

alter table point_budgets add constraint point_budgets_pkey PRIMARY KEY (account_id, budget_key, period);

alter table point_holds add constraint point_holds_pkey PRIMARY KEY (id);

alter table point_lots add constraint point_lots_pkey PRIMARY KEY (account_id, expires_at);

alter table point_members add constraint point_members_pkey PRIMARY KEY (group_id, account_id);

alter table point_postings add constraint point_postings_pkey PRIMARY KEY (transfer_id, account_id);

alter table point_postings add constraint point_postings_seq_key UNIQUE (account_id, seq);

alter table point_postings add constraint point_postings_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES point_transfers(id);

alter table point_transfers add constraint point_transfers_pkey PRIMARY KEY (id);

alter table point_transfers add constraint point_transfers_idempotency_key UNIQUE (account_id, kind, idempotency_key);

alter table point_transfers add constraint point_transfers_terminal_key UNIQUE (hold_id, terminal);

alter table run_reports add constraint run_reports_pkey PRIMARY KEY (attempt_id);

alter table run_reports add constraint run_reports_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES attempts(id) ON DELETE CASCADE;

alter table secrets add constraint secrets_pkey PRIMARY KEY (name);

alter table session_events add constraint session_events_pkey PRIMARY KEY (session_id, seq);

alter table session_identities add constraint session_identities_pkey PRIMARY KEY (id);

alter table session_identities add constraint session_identities_user_key UNIQUE (platform, user_id);

alter table session_link_attempts add constraint session_link_attempts_pkey PRIMARY KEY (identity_id);

alter table session_link_codes add constraint session_link_codes_pkey PRIMARY KEY (hash);

alter table session_link_codes add constraint session_link_codes_account_key UNIQUE (account_id);

alter table session_preferences add constraint session_preferences_pkey PRIMARY KEY (account_id, name);

alter table session_values add constraint session_values_pkey PRIMARY KEY (session_id, name);

alter table session_values add constraint session_values_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE;

alter table sessions add constraint sessions_pkey PRIMARY KEY (id);

alter table sessions add constraint sessions_identity_id_fkey FOREIGN KEY (identity_id) REFERENCES session_identities(id) ON DELETE CASCADE;

alter table sessions add constraint sessions_identity_key UNIQUE (identity_id);

alter table webhook_attempts add constraint webhook_attempts_pkey PRIMARY KEY (endpoint_id, message_id, number);

alter table webhook_deliveries add constraint webhook_deliveries_pkey PRIMARY KEY (endpoint_id, message_id);

alter table webhook_endpoints add constraint webhook_endpoints_pkey PRIMARY KEY (id);

alter table webhook_subscriptions add constraint webhook_subscriptions_pkey PRIMARY KEY (account_id, type, endpoint_id);

alter table workflow_aliases add constraint workflow_aliases_pkey PRIMARY KEY (alias);

alter table workflow_aliases add constraint workflow_aliases_workflow_name_fkey FOREIGN KEY (workflow_name) REFERENCES workflows(name) ON DELETE CASCADE;

alter table workflow_deployments add constraint workflow_deployments_pkey PRIMARY KEY (id);

alter table workflow_deployments add constraint workflow_deployments_workflow_name_fkey FOREIGN KEY (workflow_name) REFERENCES workflows(name) ON DELETE CASCADE;

alter table workflow_labels add constraint workflow_labels_pkey PRIMARY KEY (workflow_name, label, seq);

alter table workflow_labels add constraint workflow_labels_workflow_name_fkey FOREIGN KEY (workflow_name) REFERENCES workflows(name) ON DELETE CASCADE;

alter table workflow_seeds add constraint workflow_seeds_pkey PRIMARY KEY (workflow_name, account_id, input);

alter table workflow_seeds add constraint workflow_seeds_workflow_name_fkey FOREIGN KEY (workflow_name) REFERENCES workflows(name) ON DELETE CASCADE;

alter table workflow_versions add constraint workflow_versions_pkey PRIMARY KEY (workflow_name, hash);

alter table workflow_versions add constraint workflow_versions_number_key UNIQUE (workflow_name, number);

alter table workflow_versions add constraint workflow_versions_workflow_name_fkey FOREIGN KEY (workflow_name) REFERENCES workflows(name) ON DELETE CASCADE;

alter table workflows add constraint workflows_pkey PRIMARY KEY (name);

CREATE INDEX api_keys_by_account ON public.api_keys USING btree (account_id, id);

CREATE INDEX attempts_by_backend ON public.attempts USING btree (backend_id, status, claimed_at);

CREATE INDEX dispatch_needs_by_use ON public.dispatch_needs USING btree (used_at);

CREATE INDEX dispatch_refusals_by_needs ON public.dispatch_refusals USING btree (needs_key);

CREATE INDEX events_by_time ON public.events USING btree (created_at, generation_id, seq);

CREATE INDEX generation_inputs_by_media ON public.generation_inputs USING btree (media_id);

CREATE INDEX generations_by_account ON public.generations USING btree (account_id, id);

CREATE INDEX generations_open ON public.generations USING btree (account_id, session_id, status) WHERE (finished_at IS NULL);

CREATE INDEX generations_waiting_account ON public.generations USING btree (lane, account_id) WHERE ((status = 'queued'::text) AND (updated_at >= 0));

CREATE INDEX generations_waiting_deadline ON public.generations USING btree (queue_deadline_at) WHERE ((status = 'queued'::text) AND (queue_deadline_at >= 0));

CREATE INDEX generations_waiting_due ON public.generations USING btree (lane, vstart, id) WHERE ((status = 'queued'::text) AND (vstart IS NOT NULL));

CREATE INDEX generations_waiting_model ON public.generations USING btree (lane, model_key, vstart, id) WHERE ((status = 'queued'::text) AND (model_key >= ''::text));

CREATE INDEX generations_waiting_needs ON public.generations USING btree (lane, needs_key, vstart, id) WHERE ((status = 'queued'::text) AND (created_at >= 0));

CREATE INDEX media_by_account ON public.media USING btree (account_id, id);

CREATE INDEX media_by_attempt ON public.media USING btree (attempt_id);

CREATE INDEX media_by_hash ON public.media USING btree (hash);

CREATE INDEX media_derived_by_hash ON public.media_derived USING btree (hash);

CREATE INDEX media_derived_by_use ON public.media_derived USING btree (used_at, source_hash);

CREATE INDEX media_pending ON public.media USING btree (created_at, id) WHERE (state = 'pending'::text);

CREATE INDEX outputs_by_media ON public.outputs USING btree (media_id);

CREATE INDEX point_audit_by_account ON public.point_audit USING btree (account_id, id);

CREATE INDEX point_holds_by_run ON public.point_holds USING btree (spender_id, run_id) WHERE (run_id IS NOT NULL);

CREATE INDEX point_holds_by_spender ON public.point_holds USING btree (spender_id, created_at);

CREATE INDEX point_holds_by_workflow ON public.point_holds USING btree (workflow_name, ended_at) WHERE (run_ms IS NOT NULL);

CREATE INDEX point_holds_due ON public.point_holds USING btree (expires_at, id) WHERE (status = 'open'::text);

CREATE INDEX point_holds_open ON public.point_holds USING btree (account_id, id) WHERE (status = 'open'::text);

CREATE INDEX point_lots_due ON public.point_lots USING btree (expires_at, account_id) WHERE (remaining > 0);

CREATE INDEX point_postings_by_kind ON public.point_postings USING btree (account_id, kind, seq);

CREATE INDEX point_postings_by_time ON public.point_postings USING btree (account_id, created_at, seq);

CREATE INDEX point_transfers_by_generation ON public.point_transfers USING btree (generation_id) WHERE (generation_id IS NOT NULL);

CREATE INDEX session_events_by_time ON public.session_events USING btree (at, session_id, seq);

CREATE INDEX session_identities_by_account ON public.session_identities USING btree (account_id, id);

CREATE INDEX session_link_attempts_by_time ON public.session_link_attempts USING btree (since);

CREATE INDEX session_link_codes_by_expiry ON public.session_link_codes USING btree (expires_at);

CREATE INDEX sessions_by_expiry ON public.sessions USING btree (expires_at, id);

CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (next_at, endpoint_id, message_id) WHERE (status = 'pending'::text);

CREATE INDEX webhook_deliveries_finished ON public.webhook_deliveries USING btree (finished_at, endpoint_id, message_id) WHERE (finished_at IS NOT NULL);

CREATE INDEX webhook_deliveries_log ON public.webhook_deliveries USING btree (endpoint_id, created_at, message_id);

CREATE INDEX webhook_deliveries_order ON public.webhook_deliveries USING btree (endpoint_id, generation_id, seq) WHERE (status = 'pending'::text);

CREATE INDEX webhook_endpoints_by_account ON public.webhook_endpoints USING btree (account_id, id);

CREATE INDEX webhook_subscriptions_by_endpoint ON public.webhook_subscriptions USING btree (endpoint_id);

CREATE INDEX workflow_aliases_by_workflow ON public.workflow_aliases USING btree (workflow_name);

CREATE INDEX workflow_deployments_by_workflow ON public.workflow_deployments USING btree (workflow_name, id);

CREATE INDEX workflows_by_source ON public.workflows USING btree (source, name);

CREATE INDEX workflows_by_type ON public.workflows USING btree (type, name);
