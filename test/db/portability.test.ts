import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { visit } from '../helpers/rules.js';
import { parse, place, type SourceFile, sourceFiles } from '../helpers/sources.js';

/**
 * One set of queries for two databases stays true only if nobody uses what one of them does not have, or does
 * differently. `docs/decisions/0002-portable-columns.md` says why each of these is out. What the two spell differently
 * belongs into `src/db/dialect/`.
 */
const DIALECT_ROOM = 'src/db/dialect/';

/** Methods of Kysely that only one of the two databases knows, or that they answer differently. */
const METHODS: Readonly<Record<string, string>> = {
  skipLocked: 'SQLite has no row locks',
  noWait: 'SQLite has no row locks',
  forShare: 'use forUpdate',
  forKeyShare: 'use forUpdate',
  forNoKeyUpdate: 'use forUpdate',
  distinctOn: 'PostgreSQL only',
  mergeInto: 'PostgreSQL only',
  replaceInto: 'SQLite only; use onConflict',
  orReplace: 'SQLite only; use onConflict',
  orIgnore: 'SQLite only; use onConflict',
  onDuplicateKeyUpdate: 'MySQL only',
  modifyFront: 'raw SQL',
  modifyEnd: 'raw SQL',
  avg: 'numeric here, floating point there: sum and count, and divide in TypeScript',
  agg: 'aggregates by name are not the same ones',
  jsonAgg: 'JSON is text, and read in TypeScript',
  toJson: 'JSON is text, and read in TypeScript',
  jsonPath: 'JSON is text, and read in TypeScript',
  defaultTo: 'defaults are set in TypeScript, where they are seen',
  autoIncrement: 'ids are made in TypeScript',
  generatedAlwaysAs: 'computed in TypeScript',
  identity: 'ids are made in TypeScript',
  stream: 'page by index',
  isolationLevel: 'transactions run through Db.transaction',
};

/** Operators as text, in `where(column, operator, value)`. */
const OPERATORS: Readonly<Record<string, string>> = {
  like: 'SQLite ignores case, PostgreSQL does not',
  ilike: 'PostgreSQL only',
  'not like': 'SQLite ignores case, PostgreSQL does not',
  glob: 'SQLite only',
  regexp: 'not built into SQLite',
  'similar to': 'PostgreSQL only',
  '~': 'PostgreSQL only',
  '->': 'JSON is text, and read in TypeScript',
  '->>': 'JSON is text, and read in TypeScript',
  '@>': 'PostgreSQL only',
  '<@': 'PostgreSQL only',
};

const COLUMN_TYPES = ['text', 'bigint', 'blob'];

/** Everything in a file that is not portable, one line each. */
function faultsOf(file: SourceFile): string[] {
  const faults: string[] = [];
  const fault = (node: ts.Node, what: string) => faults.push(`${place(node)} ${what}`);
  if (!/\b(selectFrom|insertInto|updateTable|deleteFrom|createTable|alterTable|kysely)\b/.test(file.text)) return [];
  visit(parse(file), (node) => {
    if (ts.isImportSpecifier(node) && (node.propertyName ?? node.name).text === 'sql' && isFromKysely(node)) {
      fault(node, `imports sql: raw SQL belongs into ${DIALECT_ROOM}`);
    }
    if (ts.isImportDeclaration(node) && /^['"]kysely\/helpers\//.test(node.moduleSpecifier.getText())) {
      fault(node, 'imports JSON helpers, which are made for one database each');
    }
    if (!ts.isCallExpression(node)) return;
    const [first, second] = node.arguments;
    if (ts.isPropertyAccessExpression(node.expression)) {
      const name = node.expression.name.text;
      if (Object.hasOwn(METHODS, name) && !fillsNewColumn(name, node)) fault(node, `calls ${name}: ${METHODS[name]}`);
      if (name === 'addColumn' && !(second && ts.isStringLiteral(second) && COLUMN_TYPES.includes(second.text))) {
        fault(node, `adds a column of type ${second?.getText()}: only ${COLUMN_TYPES.join(', ')} are the same in both`);
      }
      if (name === 'fn' && first) fault(node, `calls the SQL function ${first.getText()}: not the same in both`);
    }
    if (ts.isIdentifier(node.expression) && node.expression.text === 'fn') {
      fault(node, `calls the SQL function ${first?.getText()}: not the same in both`);
    }
    const operator =
      node.arguments.length === 3 && second && ts.isStringLiteral(second) ? second.text.toLowerCase() : '';
    if (Object.hasOwn(OPERATORS, operator)) fault(node, `uses the operator ${operator}: ${OPERATORS[operator]}`);
  });
  return faults;
}

/** A required column for a table that may have rows needs something to put into them; a literal is the same in both. */
function fillsNewColumn(name: string, node: ts.CallExpression): boolean {
  if (name !== 'defaultTo') return false;
  let outer: ts.Node = node;
  while (outer.parent !== undefined && !ts.isStatement(outer.parent)) outer = outer.parent;
  return /\.alterTable\(/.test(outer.getText()) && !/\.createTable\(/.test(outer.getText());
}

function isFromKysely(node: ts.ImportSpecifier): boolean {
  return /^['"]kysely['"]$/.test(node.parent.parent.parent.moduleSpecifier.getText());
}

/** Types of columns in `tables/` that are no text, number or bytes. */
function columnFaults(file: SourceFile): string[] {
  const faults: string[] = [];
  const allowed = (type: ts.TypeNode): boolean => {
    if (ts.isUnionTypeNode(type)) return type.types.every(allowed);
    if (ts.isLiteralTypeNode(type))
      return type.literal.kind === ts.SyntaxKind.NullKeyword || ts.isStringLiteral(type.literal);
    if (ts.isTypeReferenceNode(type)) return /^(\w+(Status|State)|Uint8Array)$/.test(type.typeName.getText());
    return type.kind === ts.SyntaxKind.StringKeyword || type.kind === ts.SyntaxKind.NumberKeyword;
  };
  visit(parse(file), (node) => {
    if (!ts.isInterfaceDeclaration(node) || !node.name.text.endsWith('Table')) return;
    for (const member of node.members) {
      if (!ts.isPropertySignature(member) || !member.type || !allowed(member.type)) {
        faults.push(`${place(member)} ${member.getText()}: a column holds text, an integer or bytes`);
      }
    }
  });
  return faults;
}

const product = sourceFiles('src').filter((file) => !file.isTest && !file.path.startsWith(DIALECT_ROOM));
const snippet = (text: string): SourceFile => ({ path: 'src/x.ts', text, lines: 1, isTest: false });

describe('queries', () => {
  test('use only what both databases do alike', () => {
    expect(product.flatMap(faultsOf)).toEqual([]);
  });

  test.each([
    `import { sql } from 'kysely'; db.selectFrom('a');`,
    `import { sql as raw } from 'kysely'; db.selectFrom('a');`,
    `import { jsonArrayFrom } from 'kysely/helpers/sqlite'; db.selectFrom('a');`,
    `db.selectFrom('a').forUpdate().skipLocked();`,
    `db.selectFrom('a').where('b', 'like', 'c%');`,
    `db.selectFrom('a').where((eb) => eb(eb.ref('b'), '->>', 'c'));`,
    `db.selectFrom('a').select(({ fn }) => fn('greatest', ['b', 'c']));`,
    `db.selectFrom('a').select((eb) => eb.fn('now', []));`,
    `db.selectFrom('a').select((eb) => eb.fn.avg('b'));`,
    `schema.createTable('a').addColumn('b', 'boolean');`,
    `schema.createTable('a').addColumn('b', 'timestamp');`,
    `schema.createTable('a').addColumn('b', 'integer');`,
    `schema.createTable('a').addColumn('b', type);`,
    `schema.createTable('a').addColumn('b', 'text', (column) => column.defaultTo('x'));`,
  ])('the rules see %s', (text) => {
    expect(faultsOf(snippet(text))).toHaveLength(1);
  });

  test.each([
    `db.selectFrom('a').where('b', '=', 'like').forUpdate();`,
    `schema.alterTable('a').addColumn('b', 'text', (column) => column.notNull().defaultTo('x'));`,
    `db.selectFrom('a').select(({ fn }) => [fn.countAll().as('n'), fn.coalesce('b', 'c').as('d')]);`,
    `schema.createTable('a').addColumn('b', 'text', (column) => column.notNull()).addColumn('c', 'bigint');`,
    `import { sql } from './words.js'; db.selectFrom('a');`,
    `const greatest = Math.max(1, 2);`,
  ])('the rules leave %s alone', (text) => {
    expect(faultsOf(snippet(text))).toEqual([]);
  });
});

describe('columns', () => {
  test('hold text, integers or bytes', () => {
    const tables = product.filter(({ path }) => path.startsWith('src/db/tables/'));
    expect(tables.length).toBeGreaterThan(5);
    expect(tables.flatMap(columnFaults)).toEqual([]);
  });

  test.each(['boolean', 'Date', 'bigint', 'object', 'string[]', 'number | Date', 'Record<string, string>'])(
    'the rule sees %s',
    (type) => {
      expect(
        columnFaults(snippet(`interface ATable { a: string; b: ${type}; c: number | null; d: 'x' | 'y' }`)),
      ).toHaveLength(1);
    },
  );
});
