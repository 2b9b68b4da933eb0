import {
  type ColumnDefinitionNode,
  type CreateTableNode,
  type DataTypeNode,
  PostgresQueryCompiler,
  type SelectModifierNode,
  SqliteQueryCompiler,
} from 'kysely';

/**
 * The few words that the two databases spell differently, translated while a query is compiled, so that queries and
 * migrations need no `if`. Column types in migrations are `text`, `bigint` and `blob`.
 */
export class PortableSqliteCompiler extends SqliteQueryCompiler {
  /** STRICT, because SQLite would otherwise keep text in an integer column without a word. */
  protected override visitCreateTable(node: CreateTableNode): void {
    super.visitCreateTable(node);
    this.append(' strict');
  }

  protected override visitDataType(node: DataTypeNode): void {
    this.append(node.dataType === 'bigint' ? 'integer' : node.dataType);
  }

  /** A write transaction holds the whole SQLite database, so a row lock is already there. */
  protected override visitSelectModifier(node: SelectModifierNode): void {
    if (node.modifier === 'ForUpdate') return;
    super.visitSelectModifier(node);
  }
}

export class PortablePostgresCompiler extends PostgresQueryCompiler {
  #inColumnDefinition = false;

  protected override visitColumnDefinition(node: ColumnDefinitionNode): void {
    this.#inColumnDefinition = true;
    super.visitColumnDefinition(node);
    this.#inColumnDefinition = false;
  }

  /** Text is compared by bytes, as SQLite does it; otherwise the order of pages would depend on the server's locale. */
  protected override visitDataType(node: DataTypeNode): void {
    if (node.dataType === 'blob') this.append('bytea');
    else if (node.dataType === 'text' && this.#inColumnDefinition) this.append('text collate "C"');
    else this.append(node.dataType);
  }
}
