/** Dispatch: who is due, what models cost, what a backend lacks. `generations/dispatch/` explains the words. */
export interface DispatchTables {
  dispatch_lanes: DispatchLanesTable;
  dispatch_accounts: DispatchAccountsTable;
  dispatch_models: DispatchModelsTable;
  dispatch_needs: DispatchNeedsTable;
  dispatch_refusals: DispatchRefusalsTable;
}

/** Virtual time of a lane, in milliseconds of work. */
export interface DispatchLanesTable {
  /** `interactive` or `batch`; no number, because SQLite makes of a single integer key something else. */
  name: string;
  v: number;
}

/** Where the next job of an account will stand in line. */
export interface DispatchAccountsTable {
  account_id: string;
  lane: number;
  vfinish: number;
  updated_at: number;
}

/** What a model costs, learned from its runs. */
export interface DispatchModelsTable {
  model_key: string;
  /** JSON (`LearnedFacts`). */
  facts: string;
  updated_at: number;
}

/** A distinct set of things that a backend must have for a job. */
export interface DispatchNeedsTable {
  needs_key: string;
  model_key: string;
  /** JSON (`Needs`). */
  needs: string;
  /** Within an hour; unused ones are removed. */
  used_at: number;
}

/** The backend cannot run jobs with these needs, as its owner found. */
export interface DispatchRefusalsTable {
  backend_id: string;
  needs_key: string;
  /** JSON (`Refusal`). */
  reason: string;
}
