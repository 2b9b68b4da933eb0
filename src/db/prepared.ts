import {
  type Compilable,
  type CompiledQuery,
  type DialectAdapter,
  type KyselyPlugin,
  OperationNodeTransformer,
  type PrimitiveValueListNode,
  type QueryResult,
  ValueListNode,
  ValueNode,
} from 'kysely';
import type { DbReader } from './database.js';

/** A query that is built and compiled once for each database, and then only filled in. */
export interface Prepared<Values, Row> {
  rows(db: DbReader, values: Values): Promise<Row[]>;
  first(db: DbReader, values: Values): Promise<Row | undefined>;
  /** Of a write without RETURNING: how many rows it wrote. */
  affected(db: DbReader, values: Values): Promise<number>;
}

/**
 * For the few queries that every generation meets: to build one and to turn it into SQL costs more of this process than to
 * run it costs the database. `build` is called once per database and gets a stand-in for each value, which it may put
 * wherever Kysely takes a value, and nowhere else: to look at one throws TypeError. Values of its own become part of the text,
 * so that SQLite need not plan again at each call to see that `status = ?` fits an index over what is queued.
 */
export function prepared<Values extends object, Row>(
  build: (db: DbReader, values: Values) => Compilable<Row>,
): Prepared<Values, Row> {
  const compiled = new WeakMap<DialectAdapter, CompiledQuery<Row>>();
  const run = (db: DbReader, values: Values): Promise<QueryResult<Row>> => {
    const { adapter } = db.getExecutor();
    let template = compiled.get(adapter);
    if (template === undefined) {
      template = build(db.withPlugin(CONSTANTS), standIns<Values>()).compile();
      compiled.set(adapter, template);
    }
    const parameters = template.parameters.map((parameter) =>
      parameter instanceof StandIn ? values[parameter.name as keyof Values] : parameter,
    );
    return db.executeQuery({ ...template, parameters });
  };
  return {
    rows: async (db, values) => (await run(db, values)).rows,
    first: async (db, values) => (await run(db, values)).rows[0],
    async affected(db, values) {
      const { numAffectedRows } = await run(db, values);
      if (numAffectedRows === undefined) throw new TypeError('Only a write without RETURNING says how much it wrote.');
      return Number(numAffectedRows);
    },
  };
}

/**
 * One prepared query for each `kind`, of which there are few: what its text depends on, as plain JSON. `kind` may be looked
 * at.
 */
export function preparedFor<Kind, Values extends object, Row>(
  build: (db: DbReader, values: Values, kind: Kind) => Compilable<Row>,
): (kind: Kind) => Prepared<Values, Row> {
  const queries = new Map<string, Prepared<Values, Row>>();
  return (kind) => {
    const key = JSON.stringify(kind);
    const known = queries.get(key);
    if (known !== undefined) return known;
    const query = prepared<Values, Row>((db, values) => build(db, values, kind));
    queries.set(key, query);
    return query;
  };
}

class StandIn {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  [Symbol.toPrimitive](): never {
    throw new TypeError(`The value ${this.name} of a prepared query is not known while the query is built.`);
  }
}

class ConstantsInText extends OperationNodeTransformer {
  protected override transformValue(node: ValueNode): ValueNode {
    return inText(node.value);
  }

  protected override transformPrimitiveValueList(node: PrimitiveValueListNode): PrimitiveValueListNode {
    // Compiled as the list that it is; only the type would have it of one kind.
    return ValueListNode.create(node.values.map(inText)) as never;
  }
}

function inText(value: unknown): ValueNode {
  const isPlain = typeof value === 'string' || typeof value === 'number' || value === null;
  return isPlain ? ValueNode.createImmediate(value) : ValueNode.create(value);
}

const CONSTANTS: KyselyPlugin = {
  transformQuery: ({ node }) => new ConstantsInText().transformNode(node),
  transformResult: async ({ result }) => result,
};

function standIns<Values extends object>(): Values {
  return new Proxy({} as Values, { get: (_, name) => new StandIn(String(name)) });
}
