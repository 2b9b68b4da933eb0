import ts from 'typescript';
import { parse, place, type SourceFile } from './sources.js';

export function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}

export const isMemberOf = (node: ts.Node, object: string, member?: string): boolean =>
  ts.isPropertyAccessExpression(node) &&
  node.expression.getText() === object &&
  (member === undefined || node.name.text === member);

const MACHINE_TRACES: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: 'a path of one machine', pattern: /(?<![\w.~$}/-])\/(?:work|home|root|Users)\/[\w.]/ },
  { what: 'a path of one machine', pattern: /\b[A-Z]:\\+Users\\/ },
  { what: 'a package registry', pattern: /:\/\/(?:registry|npm|packages?|mirror|artifactory|nexus)[\w-]*\.\w/i },
  { what: 'a package registry', pattern: /"resolved": "https?:/ },
  { what: 'a private host', pattern: /:\/\/[\w.-]+\.(?:internal|corp|lan|intra)\b/ },
];

/** What in a line of text belongs to one machine or one network. */
export function machineTraces(line: string): string[] {
  return MACHINE_TRACES.filter(({ pattern }) => pattern.test(line)).map(({ what }) => what);
}

/** Classes whose instances at module level are constants in practice. A Map or Set counts when it is filled at once. */
const CONSTANT_CLASSES = ['RegExp', 'URL', 'TextEncoder', 'TextDecoder', 'Intl.NumberFormat', 'Intl.DateTimeFormat'];
/** Timers, sockets, processes, and whatever reads the disk or the process. */
const EFFECTS =
  /^(setTimeout|setInterval|setImmediate|queueMicrotask|fetch)$|^process\.|Sync$|^(createServer|listen|connect|spawn|fork)$/;

/** Says, per place, what a module does as soon as it is imported. */
export function importEffects(file: SourceFile): string[] {
  const faults: string[] = [];
  const fault = (node: ts.Node, what: string) =>
    faults.push(`${place(node)} ${what} when the module is imported: move it into a constructor or function`);

  const look = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return;
    if (ts.isPropertyDeclaration(node) && !isStatic(node)) return;
    if (ts.isAwaitExpression(node)) fault(node, 'waits');
    if (ts.isClassStaticBlockDeclaration(node)) fault(node, 'runs a static block');
    if (ts.isNewExpression(node) && !isConstantInstance(node)) fault(node, `makes a ${node.expression.getText()}`);
    if (ts.isCallExpression(node) && EFFECTS.test(node.expression.getText()))
      fault(node, `calls ${node.expression.getText()}`);
    ts.forEachChild(node, look);
  };

  for (const statement of parse(file).statements) {
    if (ts.isVariableStatement(statement) && !(statement.declarationList.flags & ts.NodeFlags.Const))
      fault(statement, 'sets up a variable of the module');
    else if (!isDeclaration(statement)) fault(statement, 'runs a statement');
    look(statement);
  }
  return faults;
}

function isDeclaration(statement: ts.Statement): boolean {
  return (
    ts.isVariableStatement(statement) ||
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isEnumDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isModuleDeclaration(statement) ||
    ts.isImportDeclaration(statement) ||
    ts.isExportDeclaration(statement) ||
    ts.isExportAssignment(statement)
  );
}

function isStatic(node: ts.PropertyDeclaration): boolean {
  return node.modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.StaticKeyword) ?? false;
}

function isConstantInstance(node: ts.NewExpression): boolean {
  const name = node.expression.getText();
  if (CONSTANT_CLASSES.includes(name)) return true;
  return (name === 'Map' || name === 'Set') && (node.arguments?.length ?? 0) > 0;
}

export function readsEnvironment(node: ts.Node): boolean {
  if (isMemberOf(node, 'process', 'env')) return true;
  if (ts.isElementAccessExpression(node) && node.expression.getText() === 'process') return true;
  if (ts.isVariableDeclaration(node) && node.initializer?.getText() === 'process') return true;
  if (!ts.isImportDeclaration(node) || !/^['"](node:)?process['"]$/.test(node.moduleSpecifier.getText())) return false;
  const names = node.importClause?.namedBindings;
  return (
    names !== undefined &&
    ts.isNamedImports(names) &&
    names.elements.some((element) => (element.propertyName ?? element.name).text === 'env')
  );
}
