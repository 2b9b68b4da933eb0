import openapiTs, { astToString } from 'openapi-typescript';

/** The TypeScript of an OpenAPI document. */
export async function apiTypes(document) {
  const nodes = await openapiTs(document, { alphabetize: true, exportType: false });
  return `// Generated from docs/openapi.json by \`npm run generate:client\`. Do not edit.\n${astToString(nodes)}`;
}
