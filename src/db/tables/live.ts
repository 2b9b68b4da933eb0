export interface LiveTables {
  live_wishes: LiveWishesTable;
  live_states: LiveStatesTable;
}

/** Somebody on another node than the one that runs it wants to see this generation move. */
export interface LiveWishesTable {
  generation_id: string;
  /** Renewed while it is wanted. */
  wanted_until: number;
}

/** The newest progress, preview and warning of a running generation, for followers on other nodes; worth nothing later. */
export interface LiveStatesTable {
  generation_id: string;
  kind: 'progress' | 'preview' | 'warning';
  /** Another number with each writing. */
  revision: number;
  at: number;
  /** JSON; the picture of a preview in base64. */
  data: string;
}
